"""What is personal: how it looks, how it is masked, which columns hold it."""
