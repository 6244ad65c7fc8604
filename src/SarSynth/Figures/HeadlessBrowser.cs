// The system's Chromium without a window, driven through a pipe by the DevTools protocol (chromedevtools.github.io).
using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SarSynth.Figures;

/// <summary>No browser was found, or it failed.</summary>
public sealed class BrowserException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>One page in a Chromium that has no window and no network; draws figures and takes screenshots.</summary>
/// <remarks>
/// The pipe ends with this process, and Chromium with the pipe: nothing is left
/// running. Members may be called from any thread.
/// </remarks>
public sealed class HeadlessBrowser : IDisposable
{
    private static readonly TimeSpan patience = TimeSpan.FromMinutes(4);

    private readonly Process process;
    private readonly Stream fromBrowser;
    private readonly List<byte> pending = [];
    private readonly List<string> errors = [];
    private readonly Lock gate = new();
    private readonly string session;
    private int lastId;

    /// <summary>Starts Chromium with an empty page.</summary>
    /// <exception cref="BrowserException">No Chromium is installed, or it does not start.</exception>
    public HeadlessBrowser()
    {
        var executable = Find() ?? throw NotFound();
        ProfileFolder = Directory.CreateTempSubdirectory("sarsynth-browser-").FullName;
        string[] flags =
        [
            "--headless", "--remote-debugging-pipe", $"--user-data-dir={ProfileFolder}", "--no-sandbox",
                "--disable-gpu", "--hide-scrollbars",
            "--no-first-run", "--disable-dev-shm-usage", "--disable-extensions", "--disable-background-networking",
                "--disable-sync",
            "--force-color-profile=srgb", "--font-render-hinting=none", "--host-resolver-rules=MAP * ~NOTFOUND",
        ];
        // Chromium reads commands from descriptor 3 and answers on 4.
        var start = new ProcessStartInfo("/bin/sh") { RedirectStandardInput = true, RedirectStandardOutput = true,
            RedirectStandardError = true };
        foreach (var word in (string[])["-c", "exec \"$@\" 3<&0 4>&1 </dev/null >/dev/null", "sh", executable,
            .. flags])
            start.ArgumentList.Add(word);
        process = Process.Start(start) ?? throw new BrowserException($"{executable} does not start.");
        process.ErrorDataReceived += (_, _) => { };
        process.BeginErrorReadLine();
        fromBrowser = process.StandardOutput.BaseStream;
        try
        {
            var target = Call("Target.createTarget", new JsonObject { ["url"] = "about:blank" }, null)["targetId"]!;
            session = (string)Call("Target.attachToTarget",
                new JsonObject { ["targetId"] = target.DeepClone(), ["flatten"] = true }, null)["sessionId"]!;
            Call("Page.enable");
            Call("Runtime.enable");
            Call("Log.enable");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>
    /// Errors that pages wrote to the console, and files they asked for in vain, since the browser started.
    /// </summary>
    public IReadOnlyList<string> Errors => errors;

    /// <summary>Folder of the browser's own files; <see cref="Dispose"/> clears it.</summary>
    public string ProfileFolder { get; }

    /// <summary>
    /// The Chromium that is used: SARSYNTH_CHROMIUM, or the first of the usual names in
    /// PATH, or Playwright's; null when there is none.
    /// </summary>
    public static string? Find()
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator);
        string?[] names =
        [
            Environment.GetEnvironmentVariable("SARSYNTH_CHROMIUM"), "chromium", "chromium-browser", "google-chrome",
            "google-chrome-stable", "chromium-headless-shell",
        ];
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        return names.Where(n => !string.IsNullOrEmpty(n)).SelectMany(n => folders.Select(f => Path.Combine(f, n!)))
            .FirstOrDefault(File.Exists) ?? FindPlaywright(Path.Combine(home, ".cache", "ms-playwright"));
    }

    // Its folders are named by ascending build numbers, the program headless_shell or chrome-headless-shell.
    private static string? FindPlaywright(string cache) => !Directory.Exists(cache) ? null
        : Directory.GetDirectories(cache, "chromium_headless_shell-*")
            .OrderBy(d => d.Length).ThenBy(d => d, StringComparer.Ordinal)
            .SelectMany(d => Directory.GetFiles(d, "*headless?shell", SearchOption.AllDirectories)).LastOrDefault();

    internal static BrowserException NotFound() =>
        new("No Chromium was found: install it (environment/setup.sh does), or name one with SARSYNTH_CHROMIUM.");

    /// <summary>Opens a page and waits until it has loaded.</summary>
    /// <param name="pathOrUrl">A file, or an address (file:, data:).</param>
    /// <exception cref="BrowserException">It cannot be opened.</exception>
    public void Open(string pathOrUrl)
    {
        var url = pathOrUrl.Contains(':') ? pathOrUrl : new Uri(Path.GetFullPath(pathOrUrl)).AbsoluteUri;
        lock (gate)
        {
            var answer = Call("Page.navigate", new JsonObject { ["url"] = url });
            if ((string?)answer["errorText"] is { } reason)
                throw new BrowserException($"{pathOrUrl}: the browser cannot open it: {reason}.");
        }
        Evaluate("new Promise(r => document.readyState === 'complete' ? r() : addEventListener('load', () => r()))");
    }

    /// <summary>Runs JavaScript in the page; a promise is awaited.</summary>
    /// <param name="expression">The script.</param>
    /// <returns>Its value as text: a string as it is, anything else as JSON.</returns>
    /// <exception cref="BrowserException">The script throws.</exception>
    public string Evaluate(string expression)
    {
        var answer = Call("Runtime.evaluate",
            new JsonObject { ["expression"] = expression, ["awaitPromise"] = true, ["returnByValue"] = true });
        if (answer["exceptionDetails"] is JsonObject details)
            throw new BrowserException($"The page's script failed: "
                + $"{details["exception"]?["description"] ?? details["text"]}");
        var value = answer["result"]?["value"];
        return value is null ? "" : value.GetValueKind() == JsonValueKind.String ? (string)value!
            : value.ToJsonString();
    }

    /// <summary>Takes a picture of the page, down to its end.</summary>
    /// <param name="width">Width of the window, CSS pixels.</param>
    /// <param name="height">Height of the picture, CSS pixels; 0: the page's own.</param>
    /// <param name="scale">Pixels of the picture per CSS pixel.</param>
    /// <param name="dark">Whether the reader prefers dark pages.</param>
    /// <returns>A PNG file.</returns>
    public byte[] Screenshot(int width, int height = 0, double scale = 1, bool dark = false)
    {
        lock (gate)
        {
            Call("Emulation.setEmulatedMedia", new JsonObject
            {
                ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = dark
                    ? "dark" : "light" }),
            });
            SetWindow(width, height > 0 ? height : 800, scale);
            // Plotly follows a new window size after a tenth of a second.
            Evaluate("new Promise(r => setTimeout(() => requestAnimationFrame(() => requestAnimationFrame(r)), 400))");
            if (height == 0)
                SetWindow(width, int.Parse(Evaluate(
                    "Math.ceil(document.documentElement.getBoundingClientRect().height)")), scale);
            var answer = Call("Page.captureScreenshot",
                new JsonObject { ["format"] = "png", ["captureBeyondViewport"] = false });
            return Convert.FromBase64String((string)answer["data"]!);
        }
    }

    /// <summary>
    /// Takes a picture of a piece of HTML on white paper, just as large as it is;
    /// the page holds nothing else meanwhile.
    /// </summary>
    /// <param name="html">The piece; its images must lie in it.</param>
    /// <param name="padding">White around it, CSS pixels.</param>
    /// <param name="scale">Pixels of the picture per CSS pixel.</param>
    /// <returns>A PNG file.</returns>
    public byte[] Draw(string html, int padding, double scale)
    {
        lock (gate)
        {
            // Wide enough that nothing wraps; the picture is cut to what is there.
            SetWindow(16_000, 800, 1);
            try
            {
                var box = Evaluate($$"""
                    (async () => {
                      document.body.style.cssText =
                        'margin:0;padding:{{padding}}px;background:#fff;color:#222;width:max-content';
                      document.body.innerHTML = {{JsonValue.Create(html).ToJsonString()}};
                      await Promise.all([...document.images].map(i => i.decode()));
                      const box = document.body.getBoundingClientRect();
                      return Math.ceil(box.width) + ' ' + Math.ceil(box.height);
                    })()
                    """).Split(' ');
                var answer = Call("Page.captureScreenshot", new JsonObject
                {
                    ["format"] = "png",
                    ["captureBeyondViewport"] = true,
                    ["clip"] = new JsonObject { ["x"] = 0, ["y"] = 0, ["width"] = int.Parse(box[0]),
                        ["height"] = int.Parse(box[1]), ["scale"] = scale },
                });
                return Convert.FromBase64String((string)answer["data"]!);
            }
            finally
            {
                Evaluate("document.body.style.cssText = ''; document.body.replaceChildren(); 0");
                Call("Emulation.clearDeviceMetricsOverride");
            }
        }
    }

    /// <summary>Prints the page: the first sheet as a PDF file, without margins.</summary>
    /// <param name="width">Width of the sheet, CSS pixels of 1/96 inch.</param>
    /// <param name="height">Height of the sheet, CSS pixels.</param>
    public byte[] Print(int width, int height)
    {
        var answer = Call("Page.printToPDF", new JsonObject
        {
            ["paperWidth"] = width / 96.0, ["paperHeight"] = height / 96.0, ["printBackground"] = true,
                ["pageRanges"] = "1",
            ["marginTop"] = 0, ["marginBottom"] = 0, ["marginLeft"] = 0, ["marginRight"] = 0,
        });
        return Convert.FromBase64String((string)answer["data"]!);
    }

    /// <summary>Ends the browser and clears its profile folder.</summary>
    public void Dispose()
    {
        try
        {
            // Closed this way the helper processes end first; a pipe that just closes
            // leaves them writing into the profile.
            Send("Browser.close", [], null);
            if (!process.WaitForExit(5000))
                process.Kill(entireProcessTree: true);
            process.WaitForExit(1000);
        }
        catch (Exception e) when (e is InvalidOperationException or IOException or System.ComponentModel.Win32Exception)
        {
            // It has ended by itself.
        }
        process.Dispose();
        for (var attempt = 0; attempt < 10 && Directory.Exists(ProfileFolder); attempt++)
        {
            try
            {
                Directory.Delete(ProfileFolder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // A helper process still writes there.
                Thread.Sleep(100);
            }
        }
    }

    private void SetWindow(int width, int height, double scale) =>
        Call("Emulation.setDeviceMetricsOverride", new JsonObject
    {
        ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = scale, ["mobile"] = false,
    });

    private JsonObject Call(string method, JsonObject? parameters = null) => Call(method, parameters, session);

    private JsonObject Call(string method, JsonObject? parameters, string? sessionId)
    {
        lock (gate)
        {
            try
            {
                Send(method, parameters ?? [], sessionId);
                using var limit = new CancellationTokenSource(patience);
                while (true)
                {
                    var answer = Next(limit.Token);
                    if ((int?)answer["id"] != lastId)
                        Note(answer);
                    else if (answer["error"] is JsonObject error)
                        throw new BrowserException($"{method}: {error["message"]}");
                    else
                        return answer["result"]!.AsObject();
                }
            }
            catch (IOException e)
            {
                throw new BrowserException($"{method}: the browser has ended.", e);
            }
            catch (OperationCanceledException e)
            {
                throw new BrowserException($"{method}: the browser gave no answer for {patience.TotalSeconds:0} s.", e);
            }
        }
    }

    private void Send(string method, JsonObject parameters, string? sessionId)
    {
        var message = new JsonObject { ["id"] = ++lastId, ["method"] = method, ["params"] = parameters };
        if (sessionId is not null)
            message["sessionId"] = sessionId;
        var input = process.StandardInput.BaseStream;
        input.Write([.. Encoding.UTF8.GetBytes(message.ToJsonString()), 0]);
        input.Flush();
    }

    private void Note(JsonObject message)
    {
        var parameters = message["params"];
        var method = (string?)message["method"];
        var entry = parameters?["entry"];
        if (method == "Runtime.exceptionThrown")
            errors.Add((string?)parameters?["exceptionDetails"]?["exception"]?["description"] ?? "exception");
        else if (method == "Log.entryAdded" && (string?)entry?["level"] == "error")
            errors.Add($"{entry["text"]} {entry["url"]}");
    }

    private JsonObject Next(CancellationToken limit)
    {
        var buffer = new byte[1 << 16];
        while (true)
        {
            var end = pending.IndexOf(0);
            if (end >= 0)
            {
                var text = Encoding.UTF8.GetString([.. pending[..end]]);
                pending.RemoveRange(0, end + 1);
                return JsonNode.Parse(text)!.AsObject();
            }
            var count = fromBrowser.ReadAsync(buffer, limit).AsTask().GetAwaiter().GetResult();
            if (count == 0)
                throw new EndOfStreamException();
            pending.AddRange(buffer.AsSpan(0, count));
        }
    }
}
