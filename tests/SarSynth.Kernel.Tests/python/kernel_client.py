"""A kernel and a client of jupyter_client, every message checked against the protocol's schema."""
import signal
import time
import unittest

from jupyter_client.manager import start_new_kernel
from jupyter_kernel_test.msgspec_v5 import validate_message

# A job in the background ignores SIGINT and hands that on to its children; the kernels here are to hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)

NAME = ".net-csharp"
TIMEOUT = 120  # How long a busy machine may take; how fast the kernel is, the benchmarks measure.


class Result:
    def __init__(self, reply, messages, seconds):
        self.reply, self.messages, self.seconds = reply["content"], messages, seconds

    def text(self, name="stdout"):
        return "".join(m["content"]["text"] for m in self.messages
                       if m["msg_type"] == "stream" and m["content"]["name"] == name)

    def of(self, kind):
        return [m["content"] for m in self.messages if m["msg_type"] == kind]

    @property
    def value(self):
        results = self.of("execute_result")
        return results[-1]["data"].get("text/plain") if results else None

    @property
    def error(self):
        errors = self.of("error")
        return "\n".join(errors[-1]["traceback"]) if errors else None


def check(message):
    kind, content = message["msg_type"], message["content"]
    if kind.startswith("comm_") and not kind.endswith("reply"):  # Not in that suite's schema.
        assert isinstance(content["comm_id"], str) and isinstance(content["data"], dict), content
        assert kind != "comm_open" or isinstance(content["target_name"], str), content
    elif content.get("status") == "aborted":  # The protocol's word; that suite's schema expects "abort".
        assert kind == "execute_reply", kind
    elif kind != "iopub_welcome":
        validate_message(message, kind)


def collect(client, msg_id, timeout=TIMEOUT):
    messages, end = [], time.time() + timeout
    while True:
        message = client.get_iopub_msg(timeout=max(0.1, end - time.time()))
        check(message)
        if message["parent_header"].get("msg_id") != msg_id:
            continue
        if message["msg_type"] == "status":
            if message["content"]["execution_state"] == "idle":
                return messages
        elif message["msg_type"] != "execute_input":
            messages.append(message)


def begun(client, msg_id, word="begun", timeout=TIMEOUT):
    """Waits until a cell has printed a word: it runs, and is not still being compiled."""
    said, end = "", time.time() + timeout
    while word not in said:
        message = client.get_iopub_msg(timeout=max(0.1, end - time.time()))
        if message["parent_header"].get("msg_id") == msg_id and message["msg_type"] == "stream":
            said += message["content"]["text"]


def reply_to(client, msg_id, timeout=TIMEOUT, channel="shell"):
    while True:
        message = getattr(client, f"get_{channel}_msg")(timeout=timeout)
        if message["parent_header"].get("msg_id") == msg_id:
            check(message)
            return message


def execute(client, code, timeout=TIMEOUT, **options):
    begun = time.time()
    msg_id = client.execute(code, **options)
    messages = collect(client, msg_id, timeout)
    return Result(reply_to(client, msg_id, timeout), messages, time.time() - begun)


class KernelCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.manager, cls.client = start_new_kernel(kernel_name=NAME, startup_timeout=TIMEOUT)

    @classmethod
    def tearDownClass(cls):
        cls.client.stop_channels()
        cls.manager.shutdown_kernel(now=True)

    def run_code(self, code, **options):
        return execute(self.client, code, **options)

    def ok(self, code, **options):
        result = self.run_code(code, **options)
        self.assertEqual(result.reply["status"], "ok", f"{code}\n{result.error}")
        return result

    def fails(self, code, **options):
        result = self.run_code(code, **options)
        self.assertEqual(result.reply["status"], "error", code)
        return result
