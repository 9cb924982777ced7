"""What the tests stand on: kinds of tests, people, databases that commit, a real worker, a real browser."""
