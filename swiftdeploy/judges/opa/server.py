"""An OPA server seen through opa-python-client: questions, modules and data, with its errors as ours."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from swiftdeploy.model import policydata
from swiftdeploy.model.decision import Json
from swiftdeploy.model.errors import Finding, NoDecision

if TYPE_CHECKING:
    import requests
    from opa_client.opa import OpaClient

HOST = "127.0.0.1"
MARKER = "swiftdeploy_digest"  # a data document beside `thresholds`: the digest of the policies that were loaded
LOADING = "loading"
LARGEST_ANSWER_BYTES = 4 * 1024 * 1024
Answer = TypeVar("Answer")


class Unavailable(NoDecision):
    """OPA refuses the connection or does not answer in time: `opa.on_unavailable` says what that means."""


class Refused(NoDecision):
    """OPA refused a module or a document. `findings` are the places in policy files that it named."""

    def __init__(self, what: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(what)
        self.findings = findings


class Conflict(Exception):
    """OPA does not take a document: a rule of the policies has the same path."""

    def __init__(self, message: str, errors: object) -> None:
        super().__init__(message)
        self.errors = errors


class Cut(NoDecision):
    """The connection ended in the middle of an answer."""


@dataclass(frozen=True)
class Held:
    """What OPA said in one answer: the digest of the policies that it holds, and the document that was asked for."""

    digest: str | None
    document: Json


class Server:
    """OPA on 127.0.0.1:`port`. Every method raises Unavailable, Refused or NoDecision, and nothing else.
    `timeout_seconds` bounds each exchange."""

    def __init__(self, port: int, timeout_seconds: float) -> None:
        self.place = f"OPA at {HOST}:{port}"
        self._port = port
        self._timeout_seconds = timeout_seconds
        self._kept: OpaClient | None = None

    def warm(self) -> None:
        """Load the client library in the background: it takes 220 to 360 ms."""
        threading.Thread(target=self._client, daemon=True).start()

    def ask(self, rule: str, facts: Mapping[str, Json]) -> Held:
        """One query for document and digest, so that they belong together. The comprehensions make undefined an empty
        list; query_rule could not tell it from a missing marker. Not by the library's ad_hoc_query: it leaves out an
        empty input, and an input that is undefined is another question than one without a field."""
        question = f"document := [x | x := {rule}]; digest := [x | x := data.{MARKER}.digest]"

        def act(client: OpaClient) -> Any:
            sent = {"query": question, "input": dict(facts)}
            answer = client._session.post(f"{client.root_url}/query", json=sent, timeout=client.timeout)
            answer.raise_for_status()
            return answer.json()

        body = self._call(act)
        rows = body.get("result") if isinstance(body, dict) else None
        row = rows[0] if isinstance(rows, list) and len(rows) == 1 else None
        if not isinstance(row, dict) or not all(isinstance(row.get(name), list) for name in ("document", "digest")):
            raise NoDecision(f"{self.place} answered, but not as OPA does")
        digest = row["digest"][0] if row["digest"] else None
        return Held(digest if isinstance(digest, str) else None, row["document"][0] if row["document"] else None)

    def put_data(self, documents: Mapping[str, Json], digest: str) -> None:
        """Make OPA hold exactly these data documents and this digest, in one step: whatever it held before, from a
        folder that it was started on too, is gone."""
        self._put_data("", {**documents, MARKER: {"digest": digest}})

    def mark(self, digest: str) -> None:
        """Note in OPA which policies it holds."""
        self._put_data(f"/{MARKER}", {"digest": digest})

    def _put_data(self, path: str, document: Mapping[str, Json]) -> None:
        """Not by the library: it has no call for the whole of data, and writes numbers as Python does."""
        body = policydata.text(document).encode()

        def act(client: OpaClient) -> None:
            answer = client._session.put(
                f"{client.root_url}/data{path}",
                data=body,
                headers={"Content-Type": "application/json"},
                timeout=client.timeout,
            )
            if answer.status_code == 400:
                error = answer.json()
                raise Conflict(str(error.get("message")), error.get("errors"))
            answer.raise_for_status()

        self._call(act)

    def held(self) -> dict[str, str]:
        """Ids and texts of the modules in OPA. Not by the library: it asks for each text by itself."""

        def act(client: OpaClient) -> dict[str, str]:
            answer = client._session.get(f"{client.root_url}/policies", timeout=client.timeout)
            answer.raise_for_status()
            return {str(one["id"]): str(one["raw"]) for one in answer.json().get("result", [])}

        return self._call(act)

    def data(self) -> dict[str, Json]:
        """The data documents in OPA, and what rules make of them: nothing, once there are no modules."""

        def act(client: OpaClient) -> dict[str, Json]:
            answer = client._session.get(f"{client.root_url}/data", timeout=client.timeout)
            answer.raise_for_status()
            return dict(answer.json()["result"])

        return self._call(act)

    def clear(self) -> None:
        """Remove all modules, whoever put them there: beside them, the same rules under another id would contradict."""
        self._each([(name, None) for name in self.held()])

    def add(self, modules: Mapping[str, str]) -> None:
        """Put modules into an OPA that holds none."""
        self._each(list(modules.items()))

    def _each(self, todo: list[tuple[str, str | None]]) -> None:
        """Put or remove one by one. OPA compiles at each step, and a file that uses another can only come after it and
        go before it: what is refused is tried again as long as something else still went through."""
        while todo:
            left: list[tuple[str, str | None]] = []
            first: Refused | None = None
            for name, text in todo:
                try:
                    self._put(name, text)
                except Refused as error:
                    left.append((name, text))
                    first = first or error
            if first is not None and len(left) == len(todo):
                raise first
            todo = left

    def _put(self, name: str, text: str | None) -> None:
        def act(client: OpaClient) -> object:
            if text is None:
                return client.delete_policy(quote(name))
            # rego_compat would rewrite OPA 0.x syntax on the way, and the files on disk would not be what decides
            return client.update_policy_from_string(text, quote(name), rego_compat=False)

        self._call(act)

    def _call(self, act: Callable[[OpaClient], Answer]) -> Answer:
        """One exchange with OPA. Once more when the connection was cut: a server that was killed then refuses."""
        try:
            return self._once(act)
        except Cut:
            return self._once(act)

    def _once(self, act: Callable[[OpaClient], Answer]) -> Answer:
        """Raises Unavailable, Refused, Cut or NoDecision. In a thread, because requests' time-out is for each read, and
        someone who sends a byte a second would hold us for ever."""
        client = self._client()
        done: queue.SimpleQueue[Answer | Exception] = queue.SimpleQueue()

        def exchange() -> None:
            try:
                done.put(self._answer(act, client))
            except Exception as error:  # whatever ended the thread without a word would pass for no answer in time
                done.put(error)

        threading.Thread(target=exchange, daemon=True).start()
        try:
            answer = done.get(timeout=self._timeout_seconds)
        except queue.Empty:
            self._kept = None  # the thread still owns its connections
            raise Unavailable(f"{self.place} did not answer in {self._timeout_seconds:g} s") from None
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _answer(self, act: Callable[[OpaClient], Answer], client: OpaClient) -> Answer | NoDecision:
        """The library's answer, or its error as one of ours."""
        import requests
        from opa_client import errors

        try:
            return act(client)
        except errors.RegoParseError as error:
            return Refused(f"{self.place} refused it: {error}", _findings(error.errors))
        except Conflict as error:
            return Refused(f"{self.place} refused data.json: {error}", _findings(error.errors))
        except (errors.DeletePolicyError, errors.PolicyNotFoundError) as error:
            return Refused(f"{self.place} refused it: {error.message}")
        except requests.HTTPError as error:
            return NoDecision(
                f"{self.place} answered {error.response.status_code}: {error.response.text[:200].strip()}"
            )
        except requests.Timeout:
            return Unavailable(f"{self.place} did not answer in {self._timeout_seconds:g} s")
        except requests.ConnectionError as error:
            return self._disconnected(error)
        except (requests.RequestException, ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
            # the last three: the library takes any JSON for OPA's
            return NoDecision(f"{self.place} answered, but not as OPA does ({type(error).__name__})")

    def _disconnected(self, error: requests.ConnectionError) -> NoDecision:
        from urllib3.exceptions import NewConnectionError, ReadTimeoutError

        cause = error.args[0] if error.args else error
        reason = getattr(cause, "reason", cause)
        if isinstance(reason, NewConnectionError):
            return Unavailable(f"{self.place} refuses the connection")
        if isinstance(reason, ReadTimeoutError):
            return Unavailable(f"{self.place} did not answer in {self._timeout_seconds:g} s")
        return Cut(f"{self.place} broke off the connection, not as OPA does")

    def close(self) -> None:
        """Close its connections."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close_connection()

    def _client(self) -> OpaClient:
        if self._kept is None:
            from opa_client.opa import OpaClient  # 220 to 360 ms

            client = OpaClient(host=HOST, port=self._port, retries=0, timeout=self._timeout_seconds)
            client._session.trust_env = False  # else HTTP_PROXY gets requests to 127.0.0.1
            client._session.max_redirects = 2
            client._session.hooks["response"].append(_bounded)
            self._kept = client
        return self._kept


def _findings(errors: object) -> tuple[Finding, ...]:
    """OPA's compile errors as findings."""
    found = []
    for one in errors if isinstance(errors, list) else []:
        place = one.get("location") if isinstance(one, dict) else None
        if isinstance(place, dict):
            name, row, column = str(place.get("file", "policies")), place.get("row", 0), place.get("col", 0)
            found.append(Finding(name, int(row), int(column), "", str(one.get("message", "is wrong"))))
    return tuple(found)


def _bounded(response: requests.Response, *_: Any, **__: Any) -> None:
    """Read the body before requests does, up to a bound: a stranger may send for ever. OPA redirects the library's
    `/v1/policies/` to the same without a slash; a stranger may not send us anywhere else."""
    target = response.headers.get("Location", "/")
    if not target.startswith("/") or target.startswith("//"):
        raise ValueError("a redirect to another host")
    body = bytearray()
    for part in response.iter_content(65536):
        body += part
        if len(body) > LARGEST_ANSWER_BYTES:
            response.close()
            raise ValueError("an endless answer")
    response._content = bytes(body)
