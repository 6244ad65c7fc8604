// ./sarsynth lab as a reader meets it: the notebook server itself is asked what it serves, and its log is read.
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using SarSynth.Tests.Support;

namespace SarSynth.Tests.House;

/// <summary>A fact that needs the classic notebook's server.</summary>
public sealed class NotebookServerFactAttribute : FactAttribute
{
    public NotebookServerFactAttribute() =>
        Skip = File.Exists("/usr/bin/jupyter-notebook") ? null
            : "the classic notebook (jupyter-notebook) is not installed";
}

public sealed partial class LabTests : IDisposable
{
    private readonly List<string> log = [];
    private readonly int port = FreePort();
    // What was signed before does not count.
    private readonly string data = Directory.CreateTempSubdirectory("sarsynth-lab-").FullName;
    private Process? server;

    [NotebookServerFact, Trait("Speed", "slow")]
    public async Task NotebooksOpenTrustedAndNothingIsAskedForInVain()
    {
        using var client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
        Start();
        var folder = Path.Combine(TestData.Root, "notebooks");
        var files = Directory.GetFiles(folder, "*-*.ipynb").Select(Path.GetFileName).ToArray();
        Assert.NotEmpty(files);
        await Answers(client);
        foreach (var file in files)
        {
            var notebook = JsonNode.Parse(await client.GetStringAsync($"api/contents/{file}"))!["content"]!;
            var code = notebook["cells"]!.AsArray().Where(c => (string?)c!["cell_type"] == "code").ToArray();
            Assert.All(code, c => Assert.True((bool?)c!["metadata"]!["trusted"], $"{file} opens as not trusted"));
        }

        // The page, and what it loads: its own files, and the extensions that its script asks for by name.
        var page = await client.GetStringAsync("notebooks/00-tour.ipynb");
        string[] byName = ["/nbextensions/widgets/notebook/js/extension.js", "/nbextensions/sarsynth/plotly.min.js"];
        foreach (var address in Address().Matches(page).Select(m => m.Groups[1].Value).Concat(byName))
            Assert.Equal(HttpStatusCode.OK, (await client.GetAsync(address.TrimStart('/'))).StatusCode);
        lock (log)
            Assert.DoesNotContain(log, l => l.Contains(" 404 ") || l.Contains("is not trusted"));
    }

    public void Dispose()
    {
        server?.Kill(entireProcessTree: true);
        server?.WaitForExit(5000);
        server?.Dispose();
        Directory.Delete(data, recursive: true);
    }

    private void Start()
    {
        string[] arguments = ["lab", "--no-browser", $"--port={port}", "--NotebookApp.token=", "--ip=127.0.0.1"];
        server = new Process
        {
            StartInfo = new(Path.Combine(TestData.Root, "sarsynth"), arguments)
            {
                RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true,
            },
        };
        server.StartInfo.Environment["JUPYTER_DATA_DIR"] = data;
        server.OutputDataReceived += (_, line) => Note(line.Data);
        server.ErrorDataReceived += (_, line) => Note(line.Data);
        server.Start();
        server.StandardInput.Close();
        server.BeginOutputReadLine();
        server.BeginErrorReadLine();
    }

    private void Note(string? line)
    {
        lock (log)
            log.Add(line ?? "");
    }

    // Set-up goes first, and may have to build.
    private async Task Answers(HttpClient client)
    {
        for (var begun = Stopwatch.GetTimestamp(); ; await Task.Delay(500))
        {
            try
            {
                (await client.GetAsync("api")).EnsureSuccessStatusCode();
                return;
            }
            catch (HttpRequestException)
                when (!server!.HasExited && Stopwatch.GetElapsedTime(begun) < TimeSpan.FromMinutes(10))
            {
            }
            catch (HttpRequestException)
            {
                lock (log)
                    Assert.Fail($"the server does not answer:\n{string.Join('\n', log)}");
            }
        }
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    [GeneratedRegex("""(?:src|href)="(/(?:static|custom)/[^"]+\.(?:js|css)[^"]*)["]""")]
    private static partial Regex Address();
}
