"""How a person leaves every file, and how keys are changed."""
