"""Reports reach people once or not at all, and every fault of a server is told as what it is."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
import trustme
from typer.testing import CliRunner

from workbench.cli.commands import app
from workbench.errors import BadInput, UsageError, WorkspaceError
from workbench.reports.delivery import Delivered, deliver, list_deliveries
from workbench.reports.delivery_journal import FOLDER
from workbench.reports.delivery_plan import check_plan, read_address, read_plan
from workbench.reports.publication import publish
from workbench.reports.runs import run
from workbench.store.workspace import Workspace

from .conftest import OPEN, make_workspace, write_notebook
from .delivering import (
    PASSWORD,
    USER,
    Hooks,
    Mailbox,
    authenticating,
    encrypting,
    every_byte,
    hook_server,
    mail_server,
    silent_server,
)

HOSTILE = "Größe\r\nBcc: evil@example.com <script>alert(1)</script>"
SAY = """
from IPython.display import display
display({
    "application/vnd.workbench.sentence+json": {"text": "<img src=x onerror=x()> earned most.\\r\\n.\\r\\n"},
    "application/vnd.workbench.figures+json": [{"channel": "email", "value": 3.0}],
    "text/plain": "x",
}, raw=True)
"""
ANA = "Ana Müller <ana@example.com>"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a workspace with two published reports; tests work on copies."""
    folder = tmp_path_factory.mktemp("delivery")
    workspace = make_workspace(folder / "w")
    path = write_notebook(folder, "small", OPEN, SAY, parameters="campaign = None")
    for name in (HOSTILE, "plain"):
        assert run(workspace, str(path), {"campaign": name}).completed
    publish(workspace, folder / "out")
    return workspace.path


@pytest.fixture
def workspace(original: Path, tmp_path: Path) -> Workspace:
    return Workspace.open(copytree(original, tmp_path / "w"))


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def port(mailbox: Mailbox) -> Iterator[int]:
    with mail_server(mailbox) as port:
        yield port


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def plan(port: int, *targets: dict[str, Any], **mail: Any) -> dict[str, Any]:
    server = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "wb@example.com", "timeout": 5}
    wanted = targets or ({"kind": "digest", "to": [ANA]},)
    return {"mail": server | mail, "targets": list(wanted), "wait": 1}


def send(workspace: Workspace, document: dict[str, Any], *runs: str, **options: Any) -> Delivered:
    options = {"environment": {}, "sleep": lambda _: None} | options
    return deliver(workspace, check_plan(document), runs, **options)


def statuses(done: Delivered) -> list[str]:
    return [outcome.status for outcome in done.outcomes]


def test_each_report_goes_once_with_its_files(workspace: Workspace, mailbox: Mailbox, port: int) -> None:
    mailed = {"kind": "email", "to": [ANA], "formats": ["html", "excel"]}
    wanted = plan(port, mailed | {"to": [ANA, "bo@example.com"]}, mailed)
    assert statuses(send(workspace, wanted)) == ["sent"] * 4
    assert statuses(send(workspace, wanted)) == ["kept"] * 4
    assert len(mailbox.messages) == 4
    assert (
        sorted(e.rcpt_tos[0] for e in mailbox.envelopes) == ["ana@example.com"] * 2 + ["bo@example.com"] * 2
    )
    names = [[part.get_filename() for part in m.iter_attachments()] for m in mailbox.messages]
    assert [[name.rpartition(".")[2] for name in one] for one in names] == [["html", "xlsx"]] * 4
    attached = {part.get_content_type() for m in mailbox.messages for part in m.iter_attachments()}
    sheet = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    assert attached == {"text/html", sheet}
    page = next(p for p in mailbox.messages[0].iter_attachments() if p.get_content_subtype() == "html")
    pages = [path.read_text() for path in workspace.runs_path.glob("small-*/report.html")]
    assert page.get_content().replace("\r\n", "\n") in pages
    assert len({m["Message-ID"] for m in mailbox.messages}) == 4
    assert send(workspace, wanted, again=True).sentence == "Deliveries: 4 sent."


def test_hostile_titles_stay_text(workspace: Workspace, mailbox: Mailbox, port: int) -> None:
    link = {"kind": "digest", "to": [ANA], "gallery": "https://reports.example.com/a?b"}
    assert statuses(send(workspace, plan(port, link, MAILED | {"to": [ANA]}))) == ["sent"] * 3
    for message, envelope in zip(mailbox.messages, mailbox.envelopes, strict=True):
        assert envelope.rcpt_tos == ["ana@example.com"]
        assert message["Bcc"] is None
        assert message["To"].addresses[0].display_name == "Ana Müller"
        assert isinstance(envelope.content, bytes)
        assert envelope.content.isascii()
        assert max(map(len, envelope.content.splitlines())) <= 998
        html, text = message.get_body(("html",)), message.get_body(("plain",))
        assert html is not None
        assert text is not None
        assert "<script" not in html.get_content()
        assert "<img" not in html.get_content()
        assert "earned most." in text.get_content()
    assert any("Größe Bcc: evil@example.com" in message["Subject"] for message in mailbox.messages)


def test_digest_has_every_report_and_links_those_of_the_gallery(
    original: Path, workspace: Workspace, mailbox: Mailbox, port: int
) -> None:
    link = {"kind": "digest", "to": [ANA], "gallery": "https://r.example.com/acme/", "formats": ["csv"]}
    out = original.with_name("out")
    done = send(workspace, plan(port, link) | {"published": str(out)})
    assert statuses(done) == ["sent"]
    [message] = mailbox.messages
    body = message.get_body(("html",))
    assert body is not None
    linked = set(re.findall(r'href="https://r.example.com/acme/([a-z0-9-]+\.html)"', body.get_content()))
    assert linked == {path.name for path in out.glob("small-*.html")}
    assert len(linked) == 2 == len(list(message.iter_attachments()))
    assert set(done.outcomes[0].step.runs) == {path.name for path in workspace.runs_path.glob("small-*")}


def test_a_form_that_cannot_be_made_is_said_and_the_rest_goes(
    workspace: Workspace, mailbox: Mailbox, port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("workbench.reports.typeset._TEMPLATE", _broken(tmp_path))
    one = next(workspace.runs_path.glob("small-*")).name
    target = {"kind": "email", "to": [ANA], "formats": ["pdf", "html"]}
    done = send(workspace, plan(port, target), one)
    assert statuses(done) == ["sent"]
    assert ".pdf (could not be made); The report could not be typeset" in done.outcomes[0].sentence
    text = mailbox.messages[0].get_body(("plain",))
    assert text is not None
    assert ".pdf (could not be made)." in " ".join(text.get_content().split())
    assert len(list(mailbox.messages[0].iter_attachments())) == 1
    alone = plan(port, target | {"to": ["bo@example.com"], "formats": ["pdf"]})
    assert statuses(send(workspace, alone, one)) == ["failed"]


def _broken(folder: Path) -> Path:
    """Return a template that cannot be typeset."""
    (folder / "broken.typ").write_text("#nothing-of-this-name")
    return folder / "broken.typ"


def test_a_pdf_is_made_once_for_all_recipients(workspace: Workspace, mailbox: Mailbox, port: int) -> None:
    one = next(workspace.runs_path.glob("small-*")).name
    wanted = plan(port, {"kind": "email", "to": [ANA, "bo@example.com"], "formats": ["pdf"]})
    assert statuses(send(workspace, wanted, one)) == ["sent", "sent"]
    first, second = (next(iter(m.iter_attachments())).get_content() for m in mailbox.messages)
    assert first == second
    assert first.startswith(b"%PDF-")
    [made] = (workspace.cache_path / "exports").iterdir()
    assert made.read_bytes() == first


def test_too_large_files_stay_behind_and_it_is_said(
    workspace: Workspace, mailbox: Mailbox, port: int
) -> None:
    done = send(workspace, plan(port, {"kind": "email", "to": [ANA], "formats": ["html"]}, largest=0.01))
    assert statuses(done) == ["sent", "sent"]
    assert "not attached: small-" in done.outcomes[0].sentence
    text = mailbox.messages[0].get_body(("plain",))
    assert text is not None
    assert "(too large)" in text.get_content()
    assert not list(mailbox.messages[0].iter_attachments())


@pytest.mark.parametrize(
    ("recipient", "data", "status", "tries", "words"),
    [
        (["550 no such user"], [], "failed", 1, "550 no such user"),
        (["450 come back", "450 come back"], [], "sent", 3, ""),
        (["450 later"] * 3, [], "failed", 3, "450 later"),
        ([], ["452 full"], "sent", 2, ""),
        ([], ["554 spam"], "failed", 1, "554 spam"),
        (["close"], [], "sent", 2, ""),
        ([], ["close"], "unknown", 1, "closed the connection"),
    ],
)
def test_what_a_server_may_answer(
    workspace: Workspace,
    mailbox: Mailbox,
    port: int,
    recipient: list[str],
    data: list[str],
    status: str,
    tries: int,
    words: str,
) -> None:
    mailbox.recipient, mailbox.data = list(recipient), list(data)
    waits: list[float] = []
    done = send(workspace, plan(port), sleep=waits.append)
    assert statuses(done) == [status]
    assert words in done.outcomes[0].sentence
    assert mailbox.tried == tries
    assert waits == [1, 2][: tries - 1]
    assert len(mailbox.messages) == (status == "sent")
    assert [step.state for step in list_deliveries(workspace)] == [status]
    # What certainly did not arrive is tried anew; what may have arrived is not.
    following = {"failed": "sent", "sent": "kept", "unknown": "unknown"}[status]
    assert statuses(send(workspace, plan(port))) == [following]
    assert statuses(send(workspace, plan(port), again=True)) == ["sent"]


def test_a_server_that_hangs(workspace: Workspace, mailbox: Mailbox) -> None:
    with silent_server() as mute, mail_server(mailbox) as port:
        done = send(workspace, plan(mute, timeout=0.2))
        assert statuses(done) == ["failed"]
        assert "did not answer in time" in done.outcomes[0].sentence
        mailbox.data = ["hold"]
        done = send(workspace, plan(port, timeout=2))  # long enough for every answer before
        assert statuses(done) == ["unknown"]
        assert "handed over, then the server did not answer in time" in done.outcomes[0].sentence


def test_login_over_tls_and_no_secret_anywhere(
    workspace: Workspace, mailbox: Mailbox, authority: trustme.CA, tmp_path: Path
) -> None:
    trusted = str(tmp_path / "ca.pem")
    authority.cert_pem.write_to_path(trusted)
    right = {"WORKBENCH_SMTP_USER": USER, "WORKBENCH_SMTP_PASSWORD": PASSWORD}
    with mail_server(mailbox, **authenticating(authority)) as port:
        wanted = plan(port, security="starttls", authority=trusted)
        wrong = send(workspace, wanted, environment=right | {"WORKBENCH_SMTP_PASSWORD": "not-this-one"})
        assert statuses(wrong) == ["failed"]
        assert "refused user and password (535)" in wrong.outcomes[0].sentence
        distrusted = send(workspace, plan(port, security="starttls"), environment=right)
        assert "certificate is not trusted" in distrusted.outcomes[0].sentence
        assert statuses(send(workspace, wanted, environment=right)) == ["sent"]
        with pytest.raises(BadInput, match="WORKBENCH_SMTP_PASSWORD"):
            send(workspace, wanted, environment={"WORKBENCH_SMTP_USER": USER})
        with pytest.raises(BadInput, match="must be ASCII") as refused:
            send(workspace, wanted, environment=right | {"WORKBENCH_SMTP_PASSWORD": "wörd"})
        assert "wörd" not in str(refused.value)
    with mail_server(mailbox) as clear:  # offers no encryption: nothing is said in the clear
        done = send(workspace, plan(clear, security="starttls"), again=True, environment=right)
        assert statuses(done) == ["failed"]
        assert "STARTTLS" in done.outcomes[0].sentence
    left = every_byte(workspace.path / FOLDER) + json.dumps(wrong.to_json()).encode()
    assert not any(secret.encode() in left for secret in (PASSWORD, "not-this-one", USER))


def test_tls_from_the_first_byte(
    workspace: Workspace, mailbox: Mailbox, authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with mail_server(mailbox, ssl_context=encrypting(authority)) as port:
        wanted = plan(port, security="tls", authority=str(tmp_path / "ca.pem"))
        assert statuses(send(workspace, wanted)) == ["sent"]
        assert statuses(send(workspace, plan(port, security="tls"), again=True)) == ["failed"]
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(BadInput, match=r"ca\.pem: the authority's file cannot be used"):
        send(workspace, wanted, again=True)


def test_the_command(workspace: Workspace, mailbox: Mailbox, port: int, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    mailbox.recipient = ["550 no \x1b[31msuch user"]
    file.write_text(json.dumps(plan(port, {"kind": "digest", "to": [ANA, "bo@example.com"]})))
    words = ["deliver", "--workspace", str(workspace.path)]
    assert CliRunner().invoke(app, [*words, "--list"]).stderr == "Nothing yet.\n"
    called = CliRunner().invoke(app, [*words, "--plan", str(file)])
    assert called.exit_code == 1
    assert called.stdout == "Deliveries: 1 sent, 1 failed.\n"
    assert "to ana@example.com (digest): failed; the server answered 550 no [31msuch user" in called.stderr
    called = CliRunner().invoke(app, [*words, "--plan", str(file), "--json"])
    assert called.exit_code == 0
    assert [one["status"] for one in json.loads(called.stdout)["deliveries"]] == ["sent", "kept"]
    listed = CliRunner().invoke(app, [*words, "--list"])
    assert len(listed.stdout.splitlines()) == 2
    assert {
        one["state"] for one in json.loads(CliRunner().invoke(app, [*words, "--list", "--json"]).stdout)
    } == {"sent"}
    assert isinstance(CliRunner().invoke(app, words).exception, UsageError)


def test_killed_while_sending_and_two_at_once(
    workspace: Workspace, mailbox: Mailbox, port: int, tmp_path: Path
) -> None:
    mailbox.data = ["hold"]
    wanted = plan(port)
    file = tmp_path / "plan.yaml"
    file.write_text(json.dumps(wanted))
    program = Path(sys.executable).with_name("workbench")
    words = [program, "deliver", "--plan", file, "--workspace", workspace.path]
    with subprocess.Popen(words, stderr=subprocess.PIPE) as process:
        assert mailbox.holding.wait(60)
        assert statuses(send(workspace, wanted)) == ["busy"]
        assert [step.state for step in list_deliveries(workspace)] == ["sending"]
        os.kill(process.pid, signal.SIGKILL)
    assert [step.state for step in list_deliveries(workspace)] == ["unknown"]
    done = send(workspace, wanted)
    assert statuses(done) == ["unknown"]
    assert not done.well
    assert "the process ended while it was sending, so it may have arrived" in done.outcomes[0].sentence
    assert mailbox.messages == []
    assert statuses(send(workspace, wanted, again=True)) == ["sent"]
    assert len(mailbox.messages) == 1


def test_two_threads_send_once(workspace: Workspace, mailbox: Mailbox, port: int) -> None:
    found: list[str] = []
    wanted = plan(port, MAILED | {"to": [ANA]})
    several = [
        threading.Thread(target=lambda: found.extend(statuses(send(workspace, wanted)))) for _ in range(3)
    ]
    for one in several:
        one.start()
    for one in several:
        one.join()
    assert found.count("sent") == 2 == len(mailbox.messages)
    assert set(found) <= {"sent", "kept", "busy"}


def test_a_line_cut_off_by_a_crash_is_no_line(workspace: Workspace, mailbox: Mailbox, port: int) -> None:
    mailbox.recipient = ["550 no"]
    assert statuses(send(workspace, plan(port))) == ["failed"]
    [book] = (workspace.path / FOLDER).iterdir()
    with book.open("ab") as file:
        file.write(b'{"state": "sent", "id')
    assert statuses(send(workspace, plan(port))) == ["sent"]
    assert statuses(send(workspace, plan(port))) == ["kept"]


def test_nothing_is_sent_without_a_record(workspace: Workspace, mailbox: Mailbox, port: int) -> None:
    (workspace.path / FOLDER).write_text("in the way")
    with pytest.raises(WorkspaceError, match="cannot be recorded"):
        send(workspace, plan(port))
    assert mailbox.tried == 0


def test_folder(workspace: Workspace, tmp_path: Path) -> None:
    to = {"kind": "folder", "path": str(tmp_path / "to" / "people"), "formats": ["html", "csv"]}
    document = {"targets": [to]}
    assert statuses(send(workspace, document)) == ["sent", "sent"]
    names = sorted(path.name for path in (tmp_path / "to" / "people").iterdir())
    assert [name.rpartition(".")[2] for name in names] == ["csv", "html"] * 2
    assert all(name.startswith("small-") and name.isascii() for name in names)
    assert statuses(send(workspace, document)) == ["kept", "kept"]
    (tmp_path / "taken").write_text("")
    done = send(workspace, {"targets": [to | {"path": str(tmp_path / "taken")}]})
    assert statuses(done) == ["failed", "failed"]
    with pytest.raises(BadInput, match="outside the workspace"):
        send(workspace, {"targets": [to | {"path": str(workspace.runs_path)}]})


def test_webhook(workspace: Workspace, authority: trustme.CA, tmp_path: Path) -> None:
    trusted = str(tmp_path / "ca.pem")
    authority.cert_pem.write_to_path(trusted)
    hooks = Hooks(answers=[503, 200, 400])
    with hook_server(hooks, authority) as port:
        target = {"kind": "webhook", "url_variable": "HOOK", "token_variable": "TOKEN", "authority": trusted}
        environment = {"HOOK": f"https://127.0.0.1:{port}/in/s3cret?a=1", "TOKEN": "t0ken"}
        done = send(workspace, {"targets": [target]}, environment=environment)
        assert statuses(done) == ["sent", "failed"]
        assert f"127.0.0.1:{port} answered 400" in done.outcomes[1].sentence
        assert statuses(send(workspace, {"targets": [target]}, environment=environment)) == ["kept", "sent"]
        distrusted = {"targets": [target | {"authority": None}]}
        done = send(workspace, distrusted, environment=environment, again=True)
        assert "certificate is not trusted" in done.outcomes[0].sentence
    assert len(hooks.got) == 4
    path, headers, content = hooks.got[0]
    assert (path, headers["Authorization"]) == ("/in/s3cret?a=1", "Bearer t0ken")
    assert headers["Idempotency-Key"] == hooks.got[1][1]["Idempotency-Key"]
    assert content == json.loads((workspace.runs_path / content["run"] / "report.json").read_bytes())
    left = every_byte(workspace.path / FOLDER) + json.dumps(done.to_json()).encode()
    assert b"s3cret" not in left
    assert b"t0ken" not in left


def test_webhook_that_redirects_hangs_or_ends(workspace: Workspace) -> None:
    [one, *_] = sorted(path.name for path in workspace.runs_path.glob("small-*"))
    hooks, elsewhere = Hooks(answers=[307, 0]), Hooks()
    with hook_server(hooks) as port, hook_server(elsewhere) as other, silent_server() as mute:
        hooks.location = f"http://127.0.0.1:{other}/"
        document = {"targets": [{"kind": "webhook", "url": f"http://127.0.0.1:{port}/"}]}
        assert "redirection" in send(workspace, document, one).outcomes[0].sentence
        assert elsewhere.got == []
        assert statuses(send(workspace, document, one)) == ["unknown"]
        assert statuses(send(workspace, document, one)) == ["unknown"]
        assert len(hooks.got) == 2
        slow = {"targets": [{"kind": "webhook", "url": f"http://127.0.0.1:{mute}/", "timeout": 0.2}]}
        assert "no answer came in time" in send(workspace, slow, one).outcomes[0].sentence


def test_only_what_was_published_is_delivered(workspace: Workspace, tmp_path: Path) -> None:
    one, other = sorted(workspace.runs_path.glob("small-*"))
    (one / "published.json").unlink()
    (other / "report.html").write_text("<p>changed</p>")
    document = {"targets": [{"kind": "folder", "path": str(tmp_path / "to")}]}
    done = send(workspace, document)
    assert done.sentence == "There is nothing to deliver."
    assert len(done.notes) == 2
    with pytest.raises(WorkspaceError, match="is not published"):
        send(workspace, document, one.name)
    with pytest.raises(WorkspaceError, match="not what was published"):
        send(workspace, document, other.name)


MAIL = {"host": "smtp.example.com", "sender": "wb@example.com"}
MAILED = {"kind": "email", "to": ["a@example.com"], "formats": ["html"]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            {"mail": MAIL | {"password": "hunter2"}, "targets": [MAILED]},
            "mail, password: there is no such key",
        ),
        ({"mail": MAIL | {"security": "none"}, "targets": [MAILED]}, "without encryption"),
        ({"targets": [MAILED]}, "there is no 'mail'"),
        ({"mail": MAIL, "targets": [MAILED | {"to": ["a@b.c\nBcc: d@e.f"]}]}, "target 1, to 1: .* no e-mail"),
        ({"mail": MAIL, "targets": [MAILED | {"to": ["a@b.c, d@e.f"]}]}, "no e-mail address"),
        ({"mail": MAIL, "targets": [MAILED | {"formats": ["docx"]}]}, "target 1, formats 1"),
        ({"targets": [{"kind": "webhook", "url": "http://example.com/hunter2"}]}, "must begin with https"),
        ({"targets": [{"kind": "webhook", "url": "https://u:hunter2@example.com/"}]}, "a user or a password"),
        ({"targets": [{"kind": "webhook"}]}, "either 'url' or 'url_variable'"),
        ({"targets": [{"kind": "pigeon"}]}, "target 1"),
        ({"targets": []}, "targets"),
    ],
)
def test_a_wrong_plan_is_refused_without_its_secrets(document: dict[str, Any], words: str) -> None:
    with pytest.raises(BadInput, match=words) as refused:
        check_plan(document)
    assert "hunter2" not in str(refused.value)


def test_wrong_names_and_missing_variables_stop_before_anything_is_sent(
    workspace: Workspace, mailbox: Mailbox, port: int
) -> None:
    with pytest.raises(UsageError, match="Did you mean 'small'"):
        send(workspace, plan(port, {"kind": "digest", "to": [ANA]}, MAILED | {"notebooks": ["smal"]}))
    with pytest.raises(BadInput, match="has no HOOK"):
        send(workspace, plan(port, MAILED, {"kind": "webhook", "url_variable": "HOOK"}))
    hook, clear = {"kind": "webhook", "url_variable": "HOOK"}, {"HOOK": "http://example.com/hunter2"}
    with pytest.raises(BadInput, match="HOOK of the environment: the URL must begin with https") as refused:
        send(workspace, {"targets": [hook]}, environment=clear)
    assert "hunter2" not in str(refused.value)
    assert mailbox.tried == 0


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Zoë <zoe@example.com>", "zoe@example.com"),
        ("info@bücher.example", "info@xn--bcher-kva.example"),  # RFC 3492, section 7
        ('"Müller, Ana" <ana@example.com>', "ana@example.com"),
    ],
)
def test_addresses_beyond_ascii(text: str, plain: str) -> None:
    assert read_address(text).addr_spec == plain


def test_the_plan_of_the_project_can_be_read() -> None:
    path = Path(__file__).resolve().parents[2] / "params" / "delivery.yaml"
    assert {target.kind for target in read_plan(path).targets} == {"email", "digest", "folder", "webhook"}
