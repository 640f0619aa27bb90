"""The kinds of value a manifest may hold: each function takes a plain value and returns it, or says what is wrong."""

from __future__ import annotations

import ipaddress
import math
import re

from swiftdeploy.model import nearest

MAX_DURATION_SECONDS = 86_400.0


class Wrong(ValueError):
    """A value is not what it must be: one sentence, a hint, and `wants`: `text` or `number` when the type is wrong."""

    def __init__(self, what: str, hint: str = "", wants: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        self.wants = wants


def kind(value: object) -> str:
    """A value's type in a user's words."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "text"
    return "a mapping" if isinstance(value, dict) else "a list"


def text(value: object, most: int = 1024) -> str:
    """Printable text of 1 to `most` characters."""
    if not isinstance(value, str):
        raise Wrong(f"must be text, not {kind(value)}", wants="text")
    if not value.strip():
        raise Wrong("must not be empty")
    if len(value) > most:
        raise Wrong(f"is {len(value)} characters long; at most {most} are allowed")
    if not value.isprintable():
        found = next(one for one in value if not one.isprintable())
        raise Wrong(f"holds the character U+{ord(found):04X}, which cannot be printed")
    return value


def whole_number(value: object, least: int, most: int) -> int:
    """A whole number from `least` to `most`."""
    said = f"must be a whole number from {least} to {most}"
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(f"{said}, not {shown(value)}", wants="number")
    if not least <= value <= most:
        raise Wrong(f"{said}, not {value}")
    return value


def positive(value: object, most: float) -> float:
    """A number above 0 and at most `most`."""
    said = f"must be a number above 0 and at most {most:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(f"{said}, not {shown(value)}", wants="number")
    if not 0 < value <= most:
        raise Wrong(f"{said}, not {value:g}")
    return float(value)


def port(value: object) -> int:
    """A TCP port."""
    return whole_number(value, 1, 65_535)


DURATION_PATTERN = r"^(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:ms|s|m|h)?$"
_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?|\.[0-9]+)(ms|s|m|h)?")
_UNIT_SECONDS = {None: 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def duration_seconds(value: object) -> float:
    """Seconds of `30`, `30s`, `500ms`, `2m` or `1h`; from 1 ms to 24 h."""
    said = "must be a time such as 30s, 500ms or 2m"
    if isinstance(value, str):
        match = _DURATION.fullmatch(value)
        if match is None or len(value) > 20:
            raise Wrong(f"{said}, not {shown(value)}")
        seconds = float(match[1]) * _UNIT_SECONDS[match[2]]
    elif isinstance(value, int | float) and not isinstance(value, bool):
        seconds = float(value)
    else:
        raise Wrong(f"{said}, not {kind(value)}")
    if math.isnan(seconds) or not 0.001 <= seconds <= MAX_DURATION_SECONDS:
        raise Wrong(f"must be a time from 1ms to 24h, not {shown(value)}")
    return seconds


# The grammar of https://pkg.go.dev/github.com/distribution/reference: [domain/]path[:tag][@digest]
_HOST = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_WORD = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
IMAGE_PATTERN = (
    rf"^(?:(?:{_HOST}(?:\.{_HOST})*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?/)?{_WORD}(?:/{_WORD})*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,128})?$"
)
_IMAGE = re.compile(IMAGE_PATTERN.replace("$", r"\Z"))


def image(value: object) -> str:
    """A container image reference: `[registry/]name[:tag][@digest]`."""
    name = text(value, 512)
    if _IMAGE.match(name):
        return name
    hint = ""
    if name != name.lower() and _IMAGE.match(name.lower()):
        hint = f"image names are lower case: {name.lower()}"
    raise Wrong("must be an image such as nginx:1.28 or registry.example/team/app:1.0", hint)


NAME_PATTERN = r"^[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}$"
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,127}")


def name(value: object) -> str:
    """A name as Docker allows it for volumes and networks."""
    given = text(value, 1024)
    if not _NAME.fullmatch(given):
        raise Wrong("must be 2 to 128 letters, digits, '_', '.' or '-', the first one a letter or digit")
    return given


def network_name(value: object) -> str:
    """A name for a network of our own."""
    given = name(value)
    if given in ("host", "none", "bridge", "default"):
        raise Wrong(f"must not be {given!r}, a network that Docker itself has", f"try {given}-net")
    return given


def network_driver(value: object) -> str:
    """A driver that can make a network of our own."""
    given = name(value)
    if given in ("host", "none"):
        raise Wrong(f"must not be {given!r}: Docker makes no second network with it", "bridge is the usual one")
    return given


RESTART_PATTERN = r"^(?:no|always|unless-stopped|on-failure(?::[1-9][0-9]{0,3})?)$"
_RESTART = re.compile(RESTART_PATTERN.replace("$", r"\Z"))


def restart_policy(value: object) -> str:
    """A restart policy as in Compose."""
    said = "must be no, always, on-failure, on-failure:N or unless-stopped"
    if not isinstance(value, str):
        raise Wrong(f"{said}, not {kind(value)}")
    if not _RESTART.match(value):
        raise Wrong(
            f"{said}, not {shown(value)}", nearest.hint(value, ("no", "always", "on-failure", "unless-stopped"))
        )
    return value


MEMORY_PATTERN = r"^[1-9][0-9]{0,14}[bkmgBKMG]?[bB]?$"
_MEMORY = re.compile(r"([1-9][0-9]{0,14})([bkmgBKMG]?)[bB]?")
_MEMORY_BYTES = {"": 1, "b": 1, "k": 1024, "m": 1024**2, "g": 1024**3}


def memory(value: object) -> str:
    """A memory limit such as `256m` or `1g`, at least 6m (Docker's least)."""
    match = _MEMORY.fullmatch(value) if isinstance(value, str) else None
    if not isinstance(value, str) or match is None:
        raise Wrong("must be an amount such as 256m or 1g")
    if int(match[1]) * _MEMORY_BYTES[match[2].lower()] < 6 * 1024**2:
        raise Wrong("must be at least 6m", "the units are k, m and g; without one it is bytes")
    return value


def ip_address(value: object) -> str:
    """An IPv4 or IPv6 address without a zone."""
    given = text(value, 64)
    try:
        ipaddress.ip_address(given)
    except ValueError:
        raise Wrong(f"must be an IP address such as 127.0.0.1 or ::, not {shown(given)}") from None
    if "%" in given:
        raise Wrong("must be an IP address without a zone")
    return given


REQUEST_PATH_PATTERN = r"^/[!-~]*$"
_REQUEST_PATH = re.compile(r"/[!-\"$-~]*")


def request_path(value: object) -> str:
    """A path to ask for, query allowed: `/` and visible ASCII characters."""
    given = text(value, 256)
    if not given.startswith("/"):
        raise Wrong("must start with '/'", f"write /{given}" if _REQUEST_PATH.fullmatch(f"/{given}") else "")
    if not _REQUEST_PATH.fullmatch(given):
        raise Wrong("must have visible ASCII characters only, and no '#'", "write others as %XX")
    return given


def private_path(value: object) -> str:
    """A path to hide: as nginx sees it, decoded and without a query, else it would hide nothing."""
    given = request_path(value)
    if given == "/":
        raise Wrong("must not be '/': it would hide the whole service")
    if re.search(r"[%?]|//|/\.\.?(/|$)", given):
        raise Wrong("must be a plain path, with no '%', '?', '//', '/.' or '/..' in it")
    return given


def excluded_path(value: object) -> str:
    """A path as nginx sees it, decoded and without a query; `*` at its end stands for anything."""
    given = request_path(value)
    if re.search(r"[%?]|//|/\.\.?(/|$)|\*.", given):
        raise Wrong("must be a plain path, with no '%', '?', '//', '/.' or '/..' in it, and '*' only at its end")
    return given


FOLDER_PATTERN = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$"
_FOLDER = re.compile(FOLDER_PATTERN)


def folder(value: object) -> str:
    """A folder of the project, by its path in it."""
    given = text(value, 256)
    plain = given.removeprefix("./").rstrip("/")
    if not _FOLDER.fullmatch(given):
        hint = f"write {plain}" if _FOLDER.fullmatch(plain) else ""
        raise Wrong("must be a path inside the project, of letters, digits, '_', '.', '-' and '/'", hint)
    return given


PACKAGE_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*$"
_PACKAGE = re.compile(PACKAGE_PATTERN)


def package(value: object) -> str:
    """The name of a Rego package, as it stands behind `package`."""
    given = text(value, 256)
    plain = given.removeprefix("data.")
    if given != plain and _PACKAGE.fullmatch(plain):
        raise Wrong("must be a package as the files name it, without `data.`", f"write {plain}")
    if not _PACKAGE.fullmatch(given):
        raise Wrong("must be the name of a Rego package: words of letters, digits and '_', with dots between")
    return given


ENV_NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"
_ENV_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,255}")


def env_name(value: object) -> str:
    """The name of an environment variable."""
    if not isinstance(value, str) or not _ENV_NAME.fullmatch(value):
        raise Wrong("is no name for a variable: letters, digits and '_', not a digit first")
    return value


SERIES_NAME_PATTERN = r"^[A-Za-z_:][A-Za-z0-9_:]*$"
_SERIES_NAME = re.compile(r"[A-Za-z_:][A-Za-z0-9_:]{0,255}")


def series_name(value: object) -> str:
    """The name of a Prometheus metric, without labels."""
    if not isinstance(value, str) or not _SERIES_NAME.fullmatch(value):
        hint = "labels have keys of their own: status_label, path_label" if "{" in str(value) else ""
        raise Wrong(f"must be the name of a metric such as shop_calls_total, not {shown(value)}", hint)
    return value


def label_name(value: object) -> str:
    """The name of a label of a Prometheus metric."""
    if not isinstance(value, str) or not _ENV_NAME.fullmatch(value):
        raise Wrong(f"must be the name of a label such as status_code, not {shown(value)}")
    return value


def without_nul(value: object) -> str:
    """Text that an environment or a command line can carry."""
    if not isinstance(value, str):
        raise Wrong(f"must be text, not {kind(value)}", wants="text")
    if "\0" in value:
        raise Wrong("holds a NUL character, which no process can be given")
    return value


_FILLED = ("{port}", "{python}", "{instance}", "{state}")
_PLACEHOLDER = re.compile(r"\{[A-Za-z_][A-Za-z0-9_]*\}")


def argument(value: object) -> str:
    """One word of a command: not empty, and with no placeholder but those that are filled in."""
    given = without_nul(value)
    if not given:
        raise Wrong("must not be empty")
    unknown = next((one for one in _PLACEHOLDER.findall(given) if one not in _FILLED), None)
    if unknown is not None:
        raise Wrong(
            f"has the placeholder {unknown[:40]}", "only {port}, {python}, {instance} and {state} are filled in"
        )
    return given


def shown(value: object) -> str:
    """A value for a message: short, printable, on one line."""
    if isinstance(value, str):
        return ascii(value) if len(value) <= 40 else "this text"
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value) if isinstance(value, int) else kind(value)
