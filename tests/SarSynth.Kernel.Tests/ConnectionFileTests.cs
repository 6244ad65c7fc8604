using SarSynth.Kernel.Protocol;

namespace SarSynth.Kernel.Tests;

public sealed class ConnectionFileTests : IDisposable
{
    private const string Good = """
        {"transport":"tcp","ip":"127.0.0.1","shell_port":1,"control_port":2,"iopub_port":3,"stdin_port":4,"hb_port":5,
        "key":"k","signature_scheme":"hmac-sha256"}
        """;

    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    private ConnectionFile Read(string text)
    {
        File.WriteAllText(_path, text);
        return ConnectionFile.Read(_path);
    }

    [Fact]
    public void ReadsAddresses()
    {
        var file = Read(Good);
        Assert.Equal("tcp://127.0.0.1:3", file.Address(file.IopubPort));
        Assert.Equal("k"u8.ToArray(), file.Key);
    }

    [Theory]
    [InlineData("\"shell_port\":1", "\"shell_port\":0", "shell_port")]
    [InlineData("\"hb_port\":5", "\"hb\":5", "hb_port")]
    [InlineData("hmac-sha256", "hmac-md5", "signature_scheme")]
    [InlineData("\"tcp\"", "\"udp\"", "transport")]
    [InlineData("{", "", "not a connection file")]
    public void NamesWhatIsWrong(string from, string to, string named) =>
        Assert.Contains(named, Assert.Throws<InvalidDataException>(() => Read(Good.Replace(from, to))).Message);

    [Fact]
    public void WarnsOfOpenPermissionsAndNoKey()
    {
        var file = Read(Good);
        if (OperatingSystem.IsWindows())
            return;
        File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Null(file.Weakness());
        File.SetUnixFileMode(_path, UnixFileMode.UserRead | UnixFileMode.OtherRead);
        Assert.Contains("OtherRead", file.Weakness());
        Assert.Contains("'key' is empty", Read(Good.Replace("\"k\"", "\"\"")).Weakness());
    }
}
