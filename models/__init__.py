"""Pure models: frames and parameters in; fitted models, predictions and plans out."""
