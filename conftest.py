"""For all tests: `pytester` runs pytest in pytest, which is how the plugin is tested."""

pytest_plugins = ["pytester"]
