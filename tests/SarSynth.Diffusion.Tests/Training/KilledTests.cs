// Trainings in processes of their own, which are killed: they go on, and end with the same bytes as one that nobody
// killed.
using System.Diagnostics;
using System.Runtime.InteropServices;
using SarSynth.Diffusion.Training;
using TorchSharp.Modules;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

/// <summary>How a child is killed: by itself, so that the same happens on machines of any speed.</summary>
/// <param name="Step">After which step, counted over both stages; where it begins beyond it, after its first.</param>
/// <param name="Milliseconds">How much later, while the training goes on.</param>
/// <param name="Bytes">Inside the next file that grows to so many bytes, when above zero.</param>
/// <param name="Between">Between the stages, whatever the step.</param>
internal sealed record Kill(int Step, int Milliseconds = 0, int Bytes = 0, bool Between = false)
{
    private const int SizeSignal = 25, FileSize = 1, CoreSize = 4;

    private bool armed;

    public static Kill Parse(string words)
    {
        var numbers = words.Split(',').Select(int.Parse).ToArray();
        return new Kill(numbers[0], numbers[1], numbers[2], numbers[3] == 1);
    }

    public override string ToString() => $"{Step},{Milliseconds},{Bytes},{(Between ? 1 : 0)}";

    /// <summary>What is called after each step.</summary>
    public void After(int step)
    {
        if (Between || step < Step)
            return;
        if (Bytes > 0)
        {
            // The system ends the process in the midst of the write that would go beyond.
            SetLimit(CoreSize, [0, 0]);
            SetLimit(FileSize, [(ulong)Bytes, (ulong)Bytes]);
            Handle(SizeSignal, 0);
        }
        else if (Milliseconds == 0)
            Now();
        else if (!armed)
            new Thread(() => { Thread.Sleep(Milliseconds); Now(); }) { IsBackground = true }.Start();
        else if (step > Step + 3)
            Thread.Sleep(Timeout.Infinite); // On a busy machine the killer comes late.
        armed = true;
    }

    /// <summary>SIGKILL.</summary>
    public static void Now()
    {
        Process.GetCurrentProcess().Kill();
        Thread.Sleep(Timeout.Infinite);
    }

    [DllImport("libc", EntryPoint = "setrlimit")]
    private static extern int SetLimit(int resource, ulong[] limit);

    [DllImport("libc", EntryPoint = "signal")]
    private static extern nint Handle(int signal, nint handler);
}

/// <summary>The child: two stages, the second from what the first left.</summary>
internal static class KilledTraining
{
    public const int Steps = 40, Epoch = 16;

    /// <summary>Trains into a folder, going on where it stands.</summary>
    public static int Run(string folder, Kill? kill)
    {
        manual_seed(5);
        // Most of it is there to make the writing of a checkpoint long enough to be met.
        var parameters = new Dictionary<string, Parameter>
        {
            ["first"] = new(randn([64, 8])), ["second"] = new(randn([1, 64])), ["more"] = new(randn(200_000)),
        };
        for (int stage = 0; stage < 2; stage++)
        {
            if (stage == 1 && kill is { Between: true })
                Kill.Now();
            var own = Path.Combine(folder, $"stage-{stage}");
            using var log = new TrainingLog(Path.Combine(folder, $"stage-{stage}.jsonl"));
            var options = new TrainerOptions
            {
                Folder = own, Steps = Steps, LearningRate = 1e-3, CheckpointEvery = 4, ValidateEvery = 7, Seed = 11,
                Ema = new EmaOptions(0.9), Schedule = new LrSchedule(LrShape.Cosine, 3), Accumulation = 2,
                Groups = [new ParameterGroup("second", 1e-2)],
                Optimizer = stage == 0 ? new AdamWOptions() : new AdafactorOptions(),
            };
            int before = stage * Steps;
            using var result = Trainer.Run(options, parameters, Batch, (x, at) => Loss(parameters, x, at), progress =>
            {
                log.Write(progress);
                kill?.After(before + (int)progress.Step);
                if (kill is not null)
                    Thread.Sleep(5); // The milliseconds after which it is killed are not all of the same step.
            }, validate: point => Loss(parameters, ones(4, 8), new TrainingStep(0, 0, point.Generator, 0)).ToDouble());
            result.Ema!.CopyTo(parameters);
        }
        if (kill is not null)
            Kill.Now();
        return 0;
    }

    // Each epoch has its own order.
    private static Tensor Batch(TrainingStep at)
    {
        using var order = Trainer.GeneratorOf(1, at.Index / Epoch, 0);
        var place = randperm(Epoch, generator: order)[at.Index % Epoch].ToInt64();
        return randn([4, 8], generator: new Generator((ulong)place));
    }

    private static Tensor Loss(Dictionary<string, Parameter> p, Tensor x, TrainingStep at)
    {
        // Drop-out draws from the process's own generator, noise from the step's.
        var hidden = nn.functional.dropout(x.mm(p["first"].t()).tanh(), 0.1, training: true);
        var noise = randn([4, 1], generator: at.Generator);
        var error = hidden.mm(p["second"].t()) - x.sum(1, keepdim: true) - noise * 0.1;
        return error.square().mean() + p["more"].square().mean();
    }
}

public sealed class KilledTests(ITestOutputHelper output) : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("killed").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact, Trait("Speed", "slow")]
    public void ATrainingKilledAtTwentyPointsEndsWithTheSameBytes()
    {
        string straight = Path.Combine(folder, "straight"), killed = Path.Combine(folder, "killed");
        Assert.Equal(0, Finish(straight));

        // In the first and the second epoch, between the stages, in the second stage: 13 after a step, 6 inside a
        // write.
        var random = new Random(20);
        var points = Enumerable.Range(0, 20).Select(i => i % 3 == 1 && i < 19
            ? new Kill(2 + i * 4 + random.Next(4), Bytes: random.Next(1 << 16, 800_000))
            : new Kill(2 + i * 4 + random.Next(4), Milliseconds: random.Next(12))).ToList();
        points[10] = new Kill(KilledTraining.Steps, Between: true);
        int inside = 0;
        foreach (var point in points)
        {
            var code = Finish(killed, point);
            Assert.True(code == 128 + (point.Bytes > 0 ? 25 : 9), $"{point}: ended with {code}");
            var parts = Parts(killed).Length;
            Assert.True(point.Bytes == 0 || parts == 1, $"{point}: {parts} files are half there");
            inside += parts;
        }
        output.WriteLine($"{inside} of 20 kills left half a checkpoint");
        Assert.True(inside >= 5, $"{inside} kills inside a write");
        Assert.Equal(0, Finish(killed));
        AssertSame(straight, killed);
    }

    /// <summary>A full disk is made of memory, in a view of the file system that only the child has.</summary>
    private sealed class PrivateMountTheoryAttribute : TheoryAttribute
    {
        public PrivateMountTheoryAttribute()
        {
            try
            {
                using var tried = Process.Start("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"])!;
                tried.WaitForExit();
                Skip = tried.ExitCode == 0 ? null : "mounting is not allowed here: root only";
            }
            catch (System.ComponentModel.Win32Exception)
            {
                Skip = "unshare (util-linux) is not there";
            }
        }
    }

    [PrivateMountTheory, Trait("Speed", "slow")]
    [InlineData(0.2)] // What has room beside what is there: so much of one more checkpoint.
    [InlineData(0.7)]
    public async Task ATrainingWhoseDiskIsFullSaysSoAndGoesOnLater(double room)
    {
        string straight = Path.Combine(folder, "straight"), full = Path.Combine(folder, "full"),
            after = Path.Combine(folder, "after");
        Assert.Equal(0, Finish(straight));
        Assert.Equal(128 + 9, Finish(full, new Kill(18)));
        Assert.Empty(Parts(full));
        var before = Files(full).Where(f => f.Contains("step-")).ToArray();
        var checkpoint = Path.Combine(full, "stage-0", "step-00000016");
        long bytes = Pages(full) + (long)(room * Pages(checkpoint));
        var script = $"mkdir {after} && mount -t tmpfs -o size={bytes} tmpfs /mnt && cp -a {full}/. /mnt"
            + $" && mount --bind /mnt {full} || exit 99; \"$@\"; code=$?;"
            + $" cp -a {full}/. {after} || exit 98; exit $code";
        using (var child = Start(full, ["unshare", "--mount", "bash", "-c", script, "bash"]))
        {
            var errors = child.StandardError.ReadToEndAsync();
            await child.StandardOutput.ReadToEndAsync();
            var said = await errors;
            await child.WaitForExitAsync();
            Assert.Contains("No space left on device", said);
            Assert.Equal(128 + 6, child.ExitCode); // Nobody caught the exception.
        }
        // What was there is there, and half a checkpoint takes no room.
        Assert.Empty(Parts(after));
        Assert.Equal(before, Files(after).Where(f => f.Contains("step-")));
        Assert.Equal(0, Finish(after));
        AssertSame(straight, after);
    }

    private static string[] Parts(string of) => !Directory.Exists(of) ? []
        : Directory.GetDirectories(of, "*.part", SearchOption.AllDirectories);

    private static string[] Files(string of) => [.. Directory.EnumerateFiles(of, "*", SearchOption.AllDirectories)
        .Select(f => Path.GetRelativePath(of, f)).Order()];

    // What files take of a disk made of memory: whole pages.
    private static long Pages(string of) => new DirectoryInfo(of).EnumerateFiles("*", SearchOption.AllDirectories)
        .Sum(f => (f.Length + Environment.SystemPageSize - 1) / Environment.SystemPageSize)
            * Environment.SystemPageSize;

    private static void AssertSame(string straight, string other)
    {
        Assert.Equal(Files(straight), Files(other));
        Assert.Contains(Path.Combine("stage-1", "step-00000040", "ema.safetensors"), Files(other));
        Assert.All(Files(straight), f => Assert.True(File.ReadAllBytes(Path.Combine(straight, f)).AsSpan()
            .SequenceEqual(File.ReadAllBytes(Path.Combine(other, f))), f));
    }

    private static int Finish(string to, Kill? kill = null)
    {
        using var child = Start(to, kill: kill);
        child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return child.ExitCode;
    }

    private static Process Start(string to, string[]? within = null, Kill? kill = null)
    {
        string[] command = [.. within ?? [], "dotnet", "exec", typeof(KilledTraining).Assembly.Location, "train", to,
            .. kill is null ? Array.Empty<string>() : [$"{kill}"]];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true, RedirectStandardError = within is not null,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        return Process.Start(start)!;
    }
}
