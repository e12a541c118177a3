"""Generated from proto/push.proto by `make proto`."""
