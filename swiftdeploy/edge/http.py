"""Single HTTP requests of scenario steps, over connections that are kept."""

from __future__ import annotations

import json
from collections.abc import Mapping

import requests
from requests.adapters import HTTPAdapter

from swiftdeploy.model.decision import Json
from swiftdeploy.scenario.effects import Reply

MOST_BYTES = 8 * 1024 * 1024


class Requests:
    """Fulfils scenario.effects.Http with one session: a new connection a step would double its time."""

    def __init__(self) -> None:
        self._session = requests.Session()
        self._session.trust_env = False  # else requests to 127.0.0.1 go through HTTP_PROXY, and .netrc is sent
        self._session.mount("http://", HTTPAdapter(max_retries=0))

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: Json, has_body: bool, timeout_seconds: float
    ) -> Reply:
        """Send it, `body` as JSON when `has_body`. Raises OSError when there is no answer or one over 8 MiB."""
        sent = dict(headers)
        if has_body and not any(name.lower() == "content-type" for name in sent):
            sent["Content-Type"] = "application/json"
        data = json.dumps(body).encode() if has_body else None
        try:
            answer = self._session.request(
                method, url, headers=sent, data=data, timeout=timeout_seconds, allow_redirects=False, stream=True
            )
            with answer:
                content = answer.raw.read(MOST_BYTES + 1, decode_content=True)
        except ValueError as wrong:  # a header that HTTP cannot carry
            raise OSError(str(wrong)) from wrong
        if len(content) > MOST_BYTES:
            raise OSError(f"{url}: the answer is over {MOST_BYTES} bytes")
        return Reply(
            answer.status_code,
            {name.lower(): value for name, value in answer.headers.items()},
            content.decode("utf-8", "replace"),
        )

    def close(self) -> None:
        """Close kept connections."""
        self._session.close()
