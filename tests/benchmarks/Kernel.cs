// The C# kernel beside ipykernel and, where it is installed, .NET Interactive's own: kernel.py over jupyter_client,
// with a Jupyter set-up of its own.
using System.Diagnostics;

namespace SarSynth.Benchmarks;

internal static class Kernel
{
    /// <summary>Options: --cells N, --json, --soak MINUTES, --duty SHARE.</summary>
    internal static int Run(string[] args)
    {
        var home = Directory.CreateTempSubdirectory("jupyter-").FullName;
        try
        {
            var kernel = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "SarSynth.Kernel",
                "release", "sarsynth-kernel.dll"));
            if (!File.Exists(kernel))
            {
                Console.Error.WriteLine($"{kernel} is not there: dotnet build src/SarSynth.Kernel -c Release");
                return 2;
            }
            return Start("dotnet", [kernel, "install", "--prefix", home], quiet: true) is var code and not 0 ? code
                : Start("/usr/bin/python3",
                    ["-W", "ignore", Path.Combine(AppContext.BaseDirectory, "kernel.py"), .. args], quiet: false);
        }
        finally
        {
            Directory.Delete(home, recursive: true);
        }

        int Start(string program, string[] arguments, bool quiet)
        {
            var info = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = quiet };
            var interactive = Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "..",
                "dotnet-interactive", "share", "jupyter"));
            info.Environment["JUPYTER_PATH"] = Path.Combine(home, "share", "jupyter") + Path.PathSeparator
                + interactive;
            foreach (var variable in new[] { "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR",
                "IPYTHONDIR" })
                info.Environment[variable] = Path.Combine(home, variable);
            using var process = Process.Start(info)!;
            process.WaitForExit();
            return process.ExitCode;
        }
    }
}
