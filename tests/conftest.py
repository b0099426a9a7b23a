"""What all tests share: real servers, whose fixtures and last lines are in `tools/realkafka/pytest_plugin.py`."""

pytest_plugins = ["realkafka.pytest_plugin"]
