"""Interrupts one long call into libtorch: the prompt is back before it returns, what still runs is said, the session's variables survive."""
import sys
import time

from jupyter_client.manager import start_new_kernel

ENGINE, SIZE = sys.argv[1], 14000  # 5.5 TFLOP: tens of seconds on any two cores.
manager, client = start_new_kernel(kernel_name=".net-csharp", startup_timeout=120)
try:
    def run(code):
        reply = client.execute_interactive(code, timeout=120, output_hook=lambda message: None)["content"]
        assert reply["status"] == "ok", reply

    run(f'#r "{ENGINE}"\nusing TorchSharp;\nvar survivor = 41;\nvar big = torch.ones({SIZE}, {SIZE});')
    asked = client.execute('Console.WriteLine("begun"); var product = torch.mm(big, big);')
    while client.get_iopub_msg(timeout=120)["content"].get("text", "").strip() != "begun":
        pass
    time.sleep(1)  # From its first words into the engine.
    begun = time.time()
    manager.interrupt_kernel()
    reply = client.get_shell_msg(timeout=120)
    seconds = time.time() - begun
    assert reply["parent_header"]["msg_id"] == asked and reply["content"]["ename"] == "Interrupted", reply
    assert "goes on until that call returns" in reply["content"]["evalue"], reply
    print(f"the prompt came back after {seconds:.2f} s")
    run('if (survivor != 41 || torch.ones(3).sum().item<float>() != 3) throw new Exception("the session lost its state");')
finally:
    client.stop_channels()
    manager.shutdown_kernel(now=True)
