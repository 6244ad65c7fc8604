// The connection file that a front end hands to a kernel (Jupyter messaging, "Connection files").
using System.Text.Json;

namespace SarSynth.Kernel.Protocol;

/// <summary>Where the kernel listens, and the key that signs its messages.</summary>
internal sealed record ConnectionFile(
    string Transport, string Ip, int ShellPort, int ControlPort, int IopubPort, int StdinPort, int HeartbeatPort,
    byte[] Key, string Path)
{
    /// <summary>Reads and checks a connection file.</summary>
    /// <exception cref="InvalidDataException">
    /// Not JSON, a field is missing or out of range, or another scheme than hmac-sha256.
    /// </exception>
    internal static ConnectionFile Read(string path)
    {
        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            root = document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw new InvalidDataException($"{path}: not a connection file: {e.Message}");
        }
        if (root.ValueKind != JsonValueKind.Object)
            throw new InvalidDataException($"{path}: a JSON object was expected, found {root.ValueKind}");
        var transport = Text("transport", "tcp");
        if (transport is not ("tcp" or "ipc"))
            throw new InvalidDataException($"{path}: field 'transport' is '{transport}', expected 'tcp' or 'ipc'");
        var scheme = Text("signature_scheme", "hmac-sha256");
        var key = Text("key", "");
        if (key.Length > 0 && scheme != "hmac-sha256")
            throw new InvalidDataException($"{path}: field 'signature_scheme' is '{scheme}', expected 'hmac-sha256'");
        return new ConnectionFile(transport, Text("ip", "127.0.0.1"), Port("shell_port"), Port("control_port"),
            Port("iopub_port"), Port("stdin_port"), Port("hb_port"), System.Text.Encoding.UTF8.GetBytes(key), path);

        string Text(string name, string ifAbsent) =>
            !root.TryGetProperty(name, out var value) ? ifAbsent
            : value.ValueKind == JsonValueKind.String ? value.GetString()!
            : throw new InvalidDataException($"{path}: field '{name}' is {value.ValueKind}, expected a string");

        int Port(string name) =>
            root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number
            && value.TryGetInt32(out var port) && port is > 0 and < 65536 ? port
            : throw new InvalidDataException($"{path}: field '{name}' must be a port number between 1 and 65535");
    }

    /// <summary>What makes this file or its content unsafe; null where nothing does.</summary>
    internal string? Weakness()
    {
        if (Key.Length == 0)
            return $"{Path}: 'key' is empty: messages are not signed, and anyone who reaches the ports can run code";
        if (!OperatingSystem.IsWindows()
            && (File.GetUnixFileMode(Path) & (UnixFileMode.GroupRead | UnixFileMode.GroupWrite
                | UnixFileMode.OtherRead | UnixFileMode.OtherWrite)) is var open and not 0)
            return $"{Path}: others on this machine may read the key that signs messages ({open}); expected mode 600";
        return null;
    }

    /// <summary>The endpoint of a channel.</summary>
    internal string Address(int port) => Transport == "tcp" ? $"tcp://{(Ip == "localhost" ? "127.0.0.1" : Ip)}:{port}"
        : $"ipc://{Ip}-{port}";
}
