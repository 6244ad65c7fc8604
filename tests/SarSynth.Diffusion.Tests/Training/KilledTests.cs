// Trainings in processes of their own, which are killed: they go on, and end with the same bytes as one that nobody
// killed.
using System.Diagnostics;
using SarSynth.Diffusion.Training;
using TorchSharp.Modules;
using Xunit.Abstractions;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

/// <summary>The child: two stages, the second from what the first left; each step is told on the standard
/// output.</summary>
internal static class KilledTraining
{
    public const int Steps = 40, Epoch = 16;

    /// <summary>Trains into a folder, going on where it stands; prints "step N", N counted over both stages.</summary>
    public static int Run(string folder)
    {
        manual_seed(5);
        // Most of it is there to make the writing of a checkpoint long enough to be met.
        var parameters = new Dictionary<string, Parameter>
        {
            ["first"] = new(randn([64, 8])), ["second"] = new(randn([1, 64])), ["more"] = new(randn(200_000)),
        };
        for (int stage = 0; stage < 2; stage++)
        {
            Console.WriteLine($"stage {stage}");
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
                Console.WriteLine($"step {before + progress.Step}");
                Thread.Sleep(5);
            }, validate: point => Loss(parameters, ones(4, 8), new TrainingStep(0, 0, point.Generator, 0)).ToDouble());
            result.Ema!.CopyTo(parameters);
        }
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
        var points = Enumerable.Range(0, 20).Select(i => (Step: 2 + i * 4 + random.Next(4), Write: i % 3 == 1))
            .ToList();
        points[10] = (KilledTraining.Steps, false);
        int inside = 0;
        foreach (var (step, write) in points)
        {
            using var child = Start(killed);
            while (child.StandardOutput.ReadLine() is { } line
                && !(line.StartsWith("step ") && int.Parse(line[5..]) >= step))
            {
                // "stage 1" is told before the second stage's first file is there.
                if (step == KilledTraining.Steps && line == "stage 1")
                    break;
            }
            if (write)
                SpinWait.SpinUntil(() => Parts(killed).Length > 0 || child.HasExited, 20_000);
            Thread.Sleep(random.Next(6));
            child.Kill(); // SIGKILL.
            child.WaitForExit();
            Assert.Equal(128 + 9, child.ExitCode);
            inside += Parts(killed).Length > 0 ? 1 : 0;
        }
        output.WriteLine($"{inside} of 20 kills left half a checkpoint");
        Assert.True(inside >= 3, $"{inside} kills inside a write");
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
    [InlineData(7_000)] // Kilobytes: two checkpoints of 3,200 each, and a part of a third.
    [InlineData(8_500)]
    public async Task ATrainingWhoseDiskIsFullSaysSoAndGoesOnLater(int kilobytes)
    {
        string straight = Path.Combine(folder, "straight"), full = Path.Combine(folder, "full"),
            after = Path.Combine(folder, "after");
        Assert.Equal(0, Finish(straight));
        using (var child = Start(full))
        {
            while (await child.StandardOutput.ReadLineAsync() is { } line && line != "step 18")
            {
            }
            child.Kill();
            await child.WaitForExitAsync();
        }
        foreach (var part in Parts(full))
            Directory.Delete(part, recursive: true);
        var before = Files(full).Where(f => f.Contains("step-")).ToArray();
        var script = $"mkdir {after} && mount -t tmpfs -o size={kilobytes}k tmpfs /mnt && cp -a {full}/. /mnt"
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

    private static void AssertSame(string straight, string other)
    {
        Assert.Equal(Files(straight), Files(other));
        Assert.Contains(Path.Combine("stage-1", "step-00000040", "ema.safetensors"), Files(other));
        Assert.All(Files(straight), f => Assert.True(File.ReadAllBytes(Path.Combine(straight, f)).AsSpan()
            .SequenceEqual(File.ReadAllBytes(Path.Combine(other, f))), f));
    }

    private static int Finish(string to)
    {
        using var child = Start(to);
        child.StandardOutput.ReadToEnd();
        child.WaitForExit();
        return child.ExitCode;
    }

    private static Process Start(string to, string[]? within = null)
    {
        string[] command = [.. within ?? [], "dotnet", "exec", typeof(KilledTraining).Assembly.Location, "train", to];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardOutput = true, RedirectStandardError = within is not null,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        return Process.Start(start)!;
    }
}
