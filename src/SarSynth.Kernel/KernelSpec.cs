// Registers the kernel with Jupyter: a kernelspec folder ".net-csharp" (Jupyter client, "Kernel specs").
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SarSynth.Kernel;

/// <summary>Installs and removes the kernelspec.</summary>
internal static class KernelSpec
{
    internal const string Name = ".net-csharp";

    internal static string Version { get; } =
        typeof(KernelSpec)
            .Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+')[0]
            ?? "0";

    /// <summary>
    /// Writes the kernelspec below <paramref name="data"/> (a Jupyter data folder); returns its folder.
    /// </summary>
    internal static string Install(string data)
    {
        var folder = Path.Combine(data, "kernels", Name);
        Directory.CreateDirectory(folder);
        var spec = new JsonObject
        {
            ["argv"] = new JsonArray(
                [.. Command().Append("--connection-file").Append("{connection_file}")
                .Select(a => (JsonNode)JsonValue.Create(a)!)]),
            ["display_name"] = ".NET (C#)",
            ["language"] = "C#",
            ["interrupt_mode"] = "message",
            ["env"] = Variables(),
            ["metadata"] = new JsonObject { ["debugger"] = false },
        };
        AtomicFile.WriteBytes(Path.Combine(folder, "kernel.json"),
            JsonSerializer.SerializeToUtf8Bytes(spec, new JsonSerializerOptions
        {
            WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        }));
        foreach (var logo in new[] { "logo-svg.svg" })
            if (typeof(KernelSpec).Assembly.GetManifestResourceStream(logo) is { } stream)
                using (stream)
                {
                    var bytes = new MemoryStream();
                    stream.CopyTo(bytes);
                    AtomicFile.WriteBytes(Path.Combine(folder, logo), bytes.ToArray());
                }
        return folder;
    }

    /// <summary>Removes the kernelspec; null where there was none.</summary>
    internal static string? Uninstall(string data)
    {
        var folder = Path.Combine(data, "kernels", Name);
        if (!Directory.Exists(folder))
            return null;
        Directory.Delete(folder, recursive: true);
        return folder;
    }

    /// <summary>The user's Jupyter data folder, where Jupyter itself looks for it.</summary>
    internal static string UserData()
    {
        if (Environment.GetEnvironmentVariable("JUPYTER_DATA_DIR") is { Length: > 0 } set)
            return set;
        var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
        if (OperatingSystem.IsMacOS())
            return Path.Combine(home, "Library", "Jupyter");
        return Environment.GetEnvironmentVariable("XDG_DATA_HOME") is { Length: > 0 } xdg
            ? Path.Combine(xdg, "jupyter") : Path.Combine(home, ".local", "share", "jupyter");
    }

    // A tool's own executable looks for .NET in the usual places only, and a front end may not have
    // the variables of this shell.
    private static JsonObject Variables()
    {
        var variables = new JsonObject { ["DOTNET_TieredPGO"] = "0" };
        if (Path.GetFileNameWithoutExtension(Command().First()) != "dotnet")
            variables["DOTNET_ROOT"] =
                Path.GetFullPath(Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..",
                ".."));
        return variables;
    }

    private static IEnumerable<string> Command()
    {
        var assembly = Path.Combine(AppContext.BaseDirectory, "sarsynth-kernel.dll");
        var host = Environment.ProcessPath ?? "dotnet";
        return Path.GetFileNameWithoutExtension(host) == "dotnet" ? [host, assembly] : [host];
    }
}
