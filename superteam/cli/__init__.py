"""The commands, the console, the exit codes and the one error boundary."""
