"""One file a test framework: how to make it write a report, and how to run exactly these tests."""
