// The processes that benchmarks talk to: python3 with a script that answers by lines, and this program again for a peak of its own.
using System.Diagnostics;
using System.Globalization;

namespace SarSynth.Benchmarks;

/// <summary>/usr/bin/python3 with a script of this folder that says "ready", then answers each line with a line.</summary>
internal sealed class PythonScript : IDisposable
{
    private readonly Process process;

    private PythonScript(Process process) => this.process = process;

    /// <summary>Null where there is no such python3, or it lacks what the script imports.</summary>
    internal static PythonScript? Start(string script, params string[] arguments)
    {
        const string interpreter = "/usr/bin/python3";
        if (!File.Exists(interpreter))
            return null;
        var process = Process.Start(new ProcessStartInfo(interpreter, [Path.Combine(AppContext.BaseDirectory, script), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        if (process.StandardOutput.ReadLine()?.StartsWith("ready", StringComparison.Ordinal) == true)
            return new(process);
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
        long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM", StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) / 1024;

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
        return [.. text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
    }

    // Started as "dotnet SarSynth.Benchmarks.dll" the process is dotnet's.
    private static ProcessStartInfo Command(string[] arguments) => new(Environment.ProcessPath!,
        Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet" ? [typeof(Self).Assembly.Location, .. arguments] : arguments);
}
