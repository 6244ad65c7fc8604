using Xunit;

namespace SarSynth.Tests.Support;

/// <summary>A test that starts several processes on this machine, by MPICH.</summary>
public sealed class MpiFactAttribute : FactAttribute
{
    /// <summary>The program that starts them.</summary>
    public const string Launcher = "mpiexec.mpich";

    public MpiFactAttribute()
    {
        var path = Environment.GetEnvironmentVariable("PATH") ?? "";
        Skip = path.Split(':').Any(p => File.Exists(Path.Combine(p, Launcher))) ? null
            : $"{Launcher} (Debian: mpich) is not there";
    }
}
