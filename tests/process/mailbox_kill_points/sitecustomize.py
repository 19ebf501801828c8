"""Kills its own process at a named point: on the path of a relay under test, by environment.

`P2PCHAT_KILL_AT=after_commit:2` ends the process, as a power cut would, when it passes that point
for the second time. Points are passed for blobs in mailboxes only.
"""

import os
import signal

WHERE = os.environ.get("P2PCHAT_KILL_AT", "")


def install(point: str, left: int) -> None:
    from p2pchat.model.mailbox_change import AddBlob
    from p2pchat.node.mailbox_streams import MailboxStreams
    from p2pchat.protocol.mailbox_vocabulary import Tell
    from p2pchat.store.mailboxes import SqlMailboxes
    from p2pchat.wire.mailbox_codec import Done

    def passed(here: str) -> None:
        nonlocal left
        if here == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    commit, add, deliver = SqlMailboxes.commit, SqlMailboxes._add, MailboxStreams.deliver

    def commit_and_die(self, changes):
        has_blobs = any(isinstance(change, AddBlob) for change in changes)
        if has_blobs:
            passed("before_commit")
        removed = commit(self, changes)
        if has_blobs:
            passed("after_commit")
        return removed

    def add_and_die(self, connection, change):
        removed = add(self, connection, change)
        passed("inside_commit")
        return removed

    def deliver_and_die(self, effect):
        deliver(self, effect)
        if isinstance(effect, Tell) and isinstance(effect.answer.body, Done):
            passed("after_answer")

    SqlMailboxes.commit = commit_and_die
    SqlMailboxes._add = add_and_die
    MailboxStreams.deliver = deliver_and_die


if WHERE:
    name, _, count = WHERE.partition(":")
    install(name, int(count))
