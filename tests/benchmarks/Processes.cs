// The processes that benchmarks talk to: python3 with a script that answers by lines, and this program
// again for a peak of its own.
using System.Diagnostics;
using System.Globalization;
using System.Runtime.Intrinsics.X86;

namespace SarSynth.Benchmarks;

/// <summary>
/// /usr/bin/python3 with a script of this folder that says "ready", then answers each line with a line.
/// </summary>
internal sealed class PythonScript : IDisposable
{
    private const string Interpreter = "/usr/bin/python3";
    private readonly Process process;

    private PythonScript(Process process, string[] ready) => (this.process, Ready) = (process, ready);

    /// <summary>What the script said of itself after "ready".</summary>
    internal string[] Ready { get; }

    /// <summary>Null where there is no such python3, or it lacks what the script imports.</summary>
    internal static PythonScript? Start(string script, params string[] arguments) =>
        File.Exists(Interpreter) ? Start(new ProcessStartInfo(Interpreter, [Beside(script), .. arguments])) : null;

    /// <summary>The same in another Debian root, by chroot: nothing is written there.</summary>
    /// <exception cref="InvalidOperationException">
    /// ROOT lacks python3, /proc or what the script imports; or chroot is not allowed.
    /// </exception>
    internal static PythonScript StartIn(string root, string script, params string[] arguments)
    {
        // torch reads the processor from there, and the script its own peak of memory.
        foreach (var needed in new[] { Interpreter, "/proc/self/status", "/sys/devices/system/cpu" })
        {
            if (!Path.Exists(root + needed))
            {
                throw new InvalidOperationException(
                    $"{root}{needed} is not there; expected a Debian root with python3-torch, "
                        + $"and /proc and /sys mounted in it");
            }
        }
        var start = new ProcessStartInfo("chroot",
            [root, Interpreter, "-c", File.ReadAllText(Beside(script)), .. arguments]);
        if (CoreType is { } type)
            start.Environment["OPENBLAS_CORETYPE"] = type;
        return Start(start) ?? throw new InvalidOperationException(
            $"python3 in {root} did not start {script} (its words are above); chroot needs root's rights");
    }

    /// <summary>
    /// The OpenBLAS kernels that a Python of another root is told to take; null: those that OpenBLAS takes by itself.
    /// </summary>
    /// <remarks>
    /// OpenBLAS chooses by the processor's model, and a build older than that falls back; these AVX-512 kernels every
    /// build has.
    /// </remarks>
    internal static string? CoreType =>
        Avx512F.IsSupported && Environment.GetEnvironmentVariable("OPENBLAS_CORETYPE") is null ? "SkylakeX" : null;

    private static string Beside(string script) => Path.Combine(AppContext.BaseDirectory, script);

    private static PythonScript? Start(ProcessStartInfo start)
    {
        (start.RedirectStandardInput, start.RedirectStandardOutput) = (true, true);
        var process = Process.Start(start)!;
        if (process.StandardOutput.ReadLine()?.Split(' ') is ["ready", .. var ready])
            return new(process, ready);
        process.Dispose();
        return null;
    }

    /// <summary>The numbers of the answer.</summary>
    internal double[] Ask(string line)
    {
        process.StandardInput.WriteLine(line);
        var answer = process.StandardOutput.ReadLine() ?? throw new InvalidOperationException("python3 ended");
        return [.. answer.Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
    }

    public void Dispose()
    {
        process.StandardInput.Close();
        process.WaitForExit();
        process.Dispose();
    }
}

/// <summary>This program in a process of its own.</summary>
internal static class Self
{
    /// <summary>The most memory that was resident in this process so far, in MB.</summary>
    internal static long PeakMegabytes =>
        long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;

    /// <summary>Runs it, with its output on this one's; returns its exit code.</summary>
    internal static int Run(params string[] arguments)
    {
        using var child = Process.Start(Command(arguments))!;
        child.WaitForExit();
        return child.ExitCode;
    }

    /// <summary>Runs it; returns the number that it prints.</summary>
    internal static double Number(params string[] arguments) => Numbers(arguments)[0];

    /// <summary>Runs it; returns the numbers that it prints.</summary>
    internal static double[] Numbers(params string[] arguments)
    {
        var start = Command(arguments);
        start.RedirectStandardOutput = true;
        using var child = Process.Start(start)!;
        var text = child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return [.. text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
    }

    // Started as "dotnet SarSynth.Benchmarks.dll" the process is dotnet's.
    private static ProcessStartInfo Command(string[] arguments) => new(Environment.ProcessPath!,
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet"
            ? [typeof(Self).Assembly.Location, .. arguments] : arguments);
}
