// The kernel as a partner of front ends: the suites over jupyter_client.
namespace SarSynth.Kernel.Tests;

public sealed class PythonTests(JupyterHome home) : JupyterTests(home)
{
    [JupyterFact]
    public void KernelTestSuite() => Suite("kernel_suite", maySkip: false);

    [JupyterFact]
    public void Language() => Suite("kernel_language.Language");

    [JupyterFact]
    public void Output() => Suite("kernel_language.Output");

    [JupyterFact]
    public void MagicCommands() => Suite("kernel_language.Magic");

    [JupyterFact]
    public void Requests() => Suite("kernel_protocol.Requests");

    [JupyterFact]
    public void Memory() => Suite("kernel_protocol.Memory");

    [JupyterFact]
    public void Input() => Suite("kernel_protocol.Input");

    [JupyterFact]
    public void Comms() => Suite("kernel_protocol.Comms");

    [JupyterFact]
    public void Interrupts() => Suite("kernel_protocol.Interrupts");

    [JupyterFact]
    public void Life() => Suite("kernel_protocol.Life");

    [JupyterFact]
    public void HostileFrames() => Suite("kernel_protocol.Hostile");
}
