// Ranks that mpiexec or SLURM started, by the package MPI.NET.
using System.Runtime.InteropServices;

namespace SarSynth.Diffusion.Training;

/// <summary>
/// Ranks over MPI. MPI.NET speaks the binary interface of Microsoft's MPI, which is MPICH's and that of Intel MPI,
/// MVAPICH and Cray MPICH; Open MPI has another.
/// </summary>
public sealed class MpiRanks : Ranks
{
    // The names of MPICH's own library, and of those that keep to its interface (MPICH ABI Compatibility Initiative).
    private static readonly string[] libraries = ["libmpich.so.12", "libmpi.so.12"];

    private readonly MPI.Environment environment;
    private readonly MPI.Intracommunicator world;

    static MpiRanks()
    {
        if (OperatingSystem.IsWindows())
            return;
        NativeLibrary.SetDllImportResolver(typeof(MPI.Environment).Assembly, (name, _, _) =>
        {
            if (name != "msmpi.dll")
                return 0;
            foreach (var library in libraries)
            {
                if (NativeLibrary.TryLoad(library, out var handle))
                    return handle;
            }
            return 0;
        });
    }

    private MpiRanks()
    {
        string[] arguments = [];
        environment = new MPI.Environment(ref arguments, MPI.Threading.Serialized);
        world = MPI.Communicator.world;
    }

    /// <inheritdoc/>
    public override int Rank => world.Rank;

    /// <inheritdoc/>
    public override int Count => world.Size;

    /// <summary>Joins the ranks that this process was started with; <see cref="Ranks.Alone"/> where it was started by
    /// itself. Once in a process.</summary>
    /// <exception cref="NotSupportedException">Several processes were started, in a way in which they cannot find
    /// each other, or there is no MPI library.</exception>
    public static Ranks Join()
    {
        if (Started(Environment.GetEnvironmentVariable) is not > 1)
            return Alone;
        try
        {
            return new MpiRanks();
        }
        catch (DllNotFoundException)
        {
            throw new NotSupportedException($"ranks: none of {string.Join(", ", libraries)} was found; expected "
                + "MPICH (Debian: mpich), Intel MPI, MVAPICH or Cray MPICH on the library path.");
        }
    }

    /// <summary>How many processes this one was started with, by what mpiexec and srun tell their children; null for a
    /// process by itself.</summary>
    /// <param name="variable">A variable of the environment, null where it is not set.</param>
    /// <exception cref="NotSupportedException">They were started by a launcher that this MPI cannot use.
    /// </exception>
    internal static int? Started(Func<string, string?> variable)
    {
        int? Number(string name) => int.TryParse(variable(name), out var number) ? number : null;
        if (Number("PMI_SIZE") is { } told)
            return told;
        if (Number("OMPI_COMM_WORLD_SIZE") is { } other && other > 1)
            throw new NotSupportedException($"ranks: {other} processes were started by Open MPI's mpirun; expected "
                + "mpiexec of MPICH (Debian: mpiexec.mpich), Intel MPI or MVAPICH, or srun --mpi=pmi2.");
        // A batch script of SLURM, too, has the variables of the step that it is.
        if (Number("SLURM_STEP_NUM_TASKS") is not { } tasks || tasks == 1 || Number("SLURM_PROCID") is null)
            return null;
        if (variable("PMIX_RANK") is not null)
            return tasks;
        throw new NotSupportedException($"ranks: {tasks} processes were started by srun without a way to find each "
            + "other; expected srun --mpi=pmi2 (or pmix).");
    }

    /// <inheritdoc/>
    public override void Sum(double[] values)
    {
        var sums = new double[values.Length];
        world.Allreduce(values, MPI.Operation<double>.Add, ref sums);
        sums.CopyTo(values, 0);
    }

    /// <inheritdoc/>
    public override void Sum(float[] values)
    {
        var sums = new float[values.Length];
        world.Allreduce(values, MPI.Operation<float>.Add, ref sums);
        sums.CopyTo(values, 0);
    }

    /// <inheritdoc/>
    public override void Abort()
    {
        // An abort overtakes what the launcher has not read yet of the process's output, and drops it: the message that
        // says why would be lost.
        Thread.Sleep(TimeSpan.FromSeconds(1));
        MPI.Environment.Abort(1);
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => environment.Dispose();
}
