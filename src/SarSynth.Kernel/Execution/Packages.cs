// "#r nuget": the packages that a session asked for, restored by the SDK as those of a generated project.
using System.Diagnostics;
using System.Security;
using System.Text.Json;

namespace SarSynth.Kernel.Execution;

/// <summary>What a restore brought.</summary>
/// <param name="Assemblies">Managed assemblies to reference.</param>
/// <param name="NativeFiles">Native libraries for this platform.</param>
/// <param name="Installed">Name and version of the packages asked for.</param>
/// <param name="Folders">Where all the packages lie.</param>
internal sealed record Restored(IReadOnlyList<string> Assemblies, IReadOnlyList<string> NativeFiles,
    IReadOnlyList<string> Installed,
    IReadOnlyList<string> Folders);

/// <summary>The package references of a session.</summary>
internal sealed class Packages
{
    private readonly List<(string Name, string Version)> _requested = [];
    private readonly List<string> _sources = [];

    /// <summary>
    /// Adds packages ("Name, Version" or "Name") and sources, and restores all; what fails is taken back.
    /// </summary>
    /// <param name="say">Told what is fetched, and from where.</param>
    /// <exception cref="ReferenceException">
    /// No SDK, an unknown package or version, a conflict, or no way to the source.
    /// </exception>
    internal Restored Restore(IReadOnlyList<string> packages, IReadOnlyList<string> sources, Action<string> say,
        CancellationToken interrupted)
    {
        var before = (_requested.ToArray(), _sources.ToArray());
        try
        {
            var asked = packages.Select(Parse).ToList();
            _sources.AddRange(sources);
            foreach (var (name, version) in asked)
            {
                _requested.RemoveAll(r => r.Name.Equals(name, StringComparison.OrdinalIgnoreCase));
                _requested.Add((name, version));
            }
            return Run(asked, say, interrupted);
        }
        catch
        {
            _requested.Clear();
            _requested.AddRange(before.Item1);
            _sources.Clear();
            _sources.AddRange(before.Item2);
            throw;
        }
    }

    private Restored Run(List<(string Name, string Version)> asked, Action<string> say, CancellationToken interrupted)
    {
        var folder = Directory.CreateTempSubdirectory("sarsynth-kernel-").FullName;
        try
        {
            var host = Path.Combine(Path.GetDirectoryName(typeof(object).Assembly.Location)!, "..", "..", "..",
                "dotnet");
            var dotnet = File.Exists(host) ? Path.GetFullPath(host) : "dotnet";
            var (listed, list) = Process(dotnet, folder, interrupted, "nuget", "list", "source", "--format", "short");
            if (listed != 0)
                throw new ReferenceException($"'#r nuget' needs the .NET SDK: {list.Trim()}");
            var from = list.Split('\n').Where(l => l.StartsWith("E ", StringComparison.Ordinal))
                .Select(l => l[2..].Trim()).Concat(_sources);
            var names = asked.Select(a => $"{a.Name} {(a.Version == "*" ? "(latest)" : a.Version)}");
            say($"Restoring {string.Join(", ", names)} from {string.Join(", ", from)}\n");
            var framework = $"net{Environment.Version.Major}.{Environment.Version.Minor}";
            // The folder's own props files cut off those of the folders above.
            File.WriteAllText(Path.Combine(folder, "Directory.Build.props"), "<Project/>");
            File.WriteAllText(Path.Combine(folder, "Directory.Packages.props"), "<Project/>");
            File.WriteAllText(Path.Combine(folder, "packages.csproj"), $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <TargetFramework>{framework}</TargetFramework>
                    <RuntimeIdentifiers>{PortableRuntime}</RuntimeIdentifiers>
                    <RestoreAdditionalProjectSources>{Xml(string.Join(';', _sources))}</RestoreAdditionalProjectSources>
                    <NuGetAudit>false</NuGetAudit>
                    <UseAppHost>false</UseAppHost>
                    <EnableRuntimePackDownload>false</EnableRuntimePackDownload>
                  </PropertyGroup>
                  <ItemGroup>
                    {string.Concat(_requested.Select(r =>
                        $"<PackageReference Include=\"{Xml(r.Name)}\" Version=\"{Xml(r.Version)}\" />"))}
                  </ItemGroup>
                </Project>
                """);
            var (code, output) = Process(dotnet, folder, interrupted, "restore", "packages.csproj", "--nologo", "-v",
                "quiet", "-nodeReuse:false");
            if (code != 0)
                throw new ReferenceException(Explain(output));
            return Read(Path.Combine(folder, "obj", "project.assets.json"), asked);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static Restored Read(string assets, List<(string Name, string Version)> asked)
    {
        using var document = JsonDocument.Parse(File.ReadAllBytes(assets));
        var root = document.RootElement;
        var folders = root.GetProperty("packageFolders").EnumerateObject().Select(f => f.Name).ToList();
        var target = root.GetProperty("targets").EnumerateObject()
            .Single(t => t.Name.EndsWith("/" + PortableRuntime, StringComparison.Ordinal)).Value;
        var framework = Path.GetDirectoryName(typeof(object).Assembly.Location)!;
        List<string> managed = [], native = [], installed = [], packages = [];
        foreach (var library in target.EnumerateObject())
        {
            var entry = root.GetProperty("libraries").GetProperty(library.Name);
            if (entry.GetProperty("type").GetString() != "package")
                continue;
            var name = library.Name.Split('/');
            if (asked.Exists(a => a.Name.Equals(name[0], StringComparison.OrdinalIgnoreCase)))
                installed.Add($"{name[0]}, {name[1]}");
            var path = entry.GetProperty("path").GetString()!;
            packages.AddRange(folders.Select(d => Path.Combine(d, path)).Where(Directory.Exists).Take(1));
            Collect(library.Value, "runtime", path, managed);
            Collect(library.Value, "native", path, native);
        }
        return new Restored(
            [.. managed.Where(m => m.EndsWith(".dll", StringComparison.Ordinal)
            && !File.Exists(Path.Combine(framework, Path.GetFileName(m))))], native, installed, packages);

        void Collect(JsonElement library, string kind, string package, List<string> into)
        {
            if (library.TryGetProperty(kind, out var files))
                into.AddRange(files.EnumerateObject().Where(f => !f.Name.EndsWith("_._", StringComparison.Ordinal))
                    .Select(f => folders.Select(d => Path.Combine(d, package, f.Name)).FirstOrDefault(File.Exists))
                        .OfType<string>());
        }
    }

    private static string PortableRuntime =>
        (OperatingSystem.IsMacOS() ? "osx" : OperatingSystem.IsWindows() ? "win" : "linux") + "-"
        + System.Runtime.InteropServices.RuntimeInformation.OSArchitecture.ToString().ToLowerInvariant();

    private static (string Name, string Version) Parse(string package)
    {
        var parts = package.Split(',', StringSplitOptions.TrimEntries);
        return parts is [{ Length: > 0 } name] ? (name, "*")
            : parts is [{ Length: > 0 } named, { Length: > 0 } version] ? (named, version)
            : throw new ReferenceException($"'#r \"nuget: {package}\"': expected \"nuget: "
                + $"Name\" or \"nuget: Name, Version\"");
    }

    // NuGet's own words, without paths of the generated project.
    private static string Explain(string output)
    {
        var errors = output.Split('\n').Where(l => l.Contains("error", StringComparison.Ordinal))
            .Select(l => l[l.IndexOf("error", StringComparison.Ordinal)..].Split(" [")[0].Trim()).Distinct().ToList();
        var reason = errors.Count > 0 ? string.Join("\n", errors) : output.Trim();
        return reason.Contains("NU1301")
            ? $"The package source cannot be reached (is this machine offline?); nothing was changed.\n{reason}"
            : $"The packages could not be restored; nothing was changed.\n{reason}";
    }

    private static (int Code, string Output) Process(string program, string folder, CancellationToken interrupted,
        params string[] arguments)
    {
        var info = new ProcessStartInfo(program) { WorkingDirectory = folder, RedirectStandardOutput = true,
            RedirectStandardError = true, RedirectStandardInput = true };
        foreach (var argument in arguments)
            info.ArgumentList.Add(argument);
        info.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        info.Environment["DOTNET_NOLOGO"] = "1";
        info.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        try
        {
            using var process = System.Diagnostics.Process.Start(info)!;
            process.StandardInput.Close();
            using var kill = interrupted.Register(() => process.Kill(entireProcessTree: true));
            var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            interrupted.ThrowIfCancellationRequested();
            return (process.ExitCode, output + error.Result);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new ReferenceException(
                $"'#r nuget' needs the .NET SDK: '{program}' cannot be started ({e.Message}).");
        }
    }

    private static string Xml(string text) => SecurityElement.Escape(text);
}
