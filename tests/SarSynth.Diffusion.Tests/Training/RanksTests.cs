// One training by several processes: the same numbers as by one, and no process that waits for one that is gone.
using System.Diagnostics;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Memory;
using SarSynth.Diffusion.Training;
using SarSynth.Tests.Support;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests.Training;

/// <summary>The child, one of several that mpiexec started.</summary>
internal static class RankedTraining
{
    public const int MicroBatches = 4;

    /// <summary>Trains up to a step, going on where the folder stands.</summary>
    /// <param name="folder">Of the checkpoints; each rank writes there, too, which micro-batches it had.</param>
    /// <param name="steps">Steps of all.</param>
    /// <param name="what">"straight", or what goes wrong after step 3: rank 1 is "killed", "throws", is "told to stop",
    /// has "other weights", or a loss that is "not finite". Of "blocks" a UNet is trained, whose gradients travel
    /// during the backward pass, which ends at the first block of rank 1 in "blocks that fail".</param>
    public static int Run(string folder, int steps, string what)
    {
        using var ranks = MpiRanks.Join();
        try
        {
            return Train(folder, steps, what, ranks);
        }
        catch (Exception failure) when (ranks.Count > 1 && failure is not OperationCanceledException)
        {
            Console.Error.WriteLine($"rank {ranks.Rank}: {failure.Message}");
            ranks.Abort();
            throw;
        }
    }

    private static int Train(string folder, int steps, string what, Ranks ranks)
    {
        manual_seed(5);
        var parameters = new Dictionary<string, Parameter>
        {
            ["first"] = new(randn([64, 8])), ["second"] = new(randn([1, 64])), ["third"] = new(randn([1, 64])),
        };
        var options = new TrainerOptions
        {
            Folder = folder, Steps = steps, LearningRate = 1e-3, CheckpointEvery = 5, ValidateEvery = 5, Seed = 11,
            Ema = new EmaOptions(0.9), Accumulation = MicroBatches, Ranks = ranks,
            Warn = text => Console.Error.WriteLine(text),
        };
        if (what.StartsWith("blocks", StringComparison.Ordinal))
            return TrainBlocks(options, fails: what.EndsWith("fail", StringComparison.Ordinal) && ranks.Rank == 1);
        using var stop = new CancellationTokenSource();
        var wrong = ranks.Rank == 1;
        var had = new List<string>();
        using var result = Trainer.Run(options, parameters, at => randn([4, 8], generator: at.Generator), (x, at) =>
        {
            had.Add($"{at.Step}.{at.Micro}");
            var hidden = nn.functional.dropout(x.mm(parameters["first"].t()).tanh(), 0.1, training: true);
            // One parameter has a gradient in the last micro-batch alone.
            var last = at.Micro == MicroBatches - 1 ? parameters["third"] : parameters["second"];
            var error = hidden.mm(last.t()) - x.sum(1, keepdim: true);
            return error.square().mean() / (what == "not finite" && wrong && at.Step == 4 ? 0 : 1);
        }, progress =>
        {
            if (progress.Step != 3 || !wrong)
                return;
            switch (what)
            {
                case "killed":
                    Kill.Now();
                    break;
                case "throws":
                    throw new InvalidDataException("tile 7: cannot be read");
                case "told to stop":
                    stop.Cancel();
                    break;
                case "other weights":
                    using (no_grad())
                        parameters["first"][3, 4] = 0.25f;
                    break;
            }
        }, stop.Token, _ => 1);
        File.WriteAllLines(Path.Combine(folder, $"rank-{ranks.Rank}-of-{ranks.Count}"), had);
        return 0;
    }

    // Adam with an epsilon above the rounding of gradients near zero, which it would turn into whole steps.
    private static int TrainBlocks(TrainerOptions options, bool fails)
    {
        using var unet = TinyModels.Unet();
        var left = 0;
        if (fails)
        {
            // Blocks are computed again on the way back, and only there with gradients.
            unet.BlockRunner = (block, inputs) => GradientCheckpointing.Run(given =>
            {
                left += is_grad_enabled() ? -1 : 1;
                return is_grad_enabled() && left == 0
                    ? throw new InvalidDataException("the way back is blocked") : block(given);
            }, inputs);
        }
        Trainer.Run(options with
        {
            Networks = [("unet", unet)], GradientBucket = 20_000, LearningRate = 1e-4,
            Optimizer = new AdamWOptions(Epsilon: 1e-3),
        }, unet.named_parameters().ToDictionary(p => $"unet.{p.name}", p => p.parameter), at => at.Generator,
            (generator, _) =>
            {
                Tensor Random(params long[] shape) => randn(shape, generator: generator);
                return unet.forward(Random(1, 4, 16, 16), Random(1), Random(1, 7, 64), Random(1, 40), ones(1, 6))
                    .square().mean();
            }).Dispose();
        return 0;
    }
}

public sealed class RanksTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("ranks").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [MpiFact]
    public void RanksShareTheMicroBatchesAndEndAsOneDoes()
    {
        Assert.Equal(0, Train(1, "one", 10).Code);
        foreach (var count in new[] { 2, 4 })
        {
            Assert.Equal(0, Train(count, $"{count}", 10).Code);
            AssertClose("one", $"{count}");
            var had = Enumerable.Range(0, count).Select(r => File.ReadAllLines(In($"{count}/rank-{r}-of-{count}")))
                .ToList();
            Assert.All(had, h => Assert.Equal(10 * RankedTraining.MicroBatches / count, h.Length));
            Assert.Equal(10 * RankedTraining.MicroBatches, had.SelectMany(h => h).Distinct().Count());
        }
    }

    [MpiFact]
    public void GradientsThatTravelDuringTheBackwardPassAreTheSame()
    {
        Assert.Equal(0, Train(1, "one", 10, "blocks").Code);
        foreach (var count in new[] { 2, 4 })
        {
            Assert.Equal(0, Train(count, $"{count}", 10, "blocks").Code);
            AssertClose("one", $"{count}");
        }
    }

    [MpiFact]
    public void ATrainingGoesOnWithAnotherNumberOfRanks()
    {
        Assert.Equal(0, Train(1, "one", 10).Code);
        Assert.Equal(0, Train(3, "changed", 5).Code);
        Assert.Equal(0, Train(2, "changed", 10).Code);
        AssertClose("one", "changed");
        Assert.Equal("5.0", File.ReadLines(In("changed/rank-0-of-2")).First());
    }

    [MpiFact]
    public void ARankThatIsGoneEndsAll()
    {
        var clock = Stopwatch.StartNew();
        var killed = Train(2, "killed", 1_000_000, "killed");
        Assert.NotEqual(0, killed.Code);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"{clock.Elapsed} until the other had ended too");
        var blocked = Train(2, "blocked", 1_000_000, "blocks that fail");
        Assert.NotEqual(0, blocked.Code);
        Assert.Contains("rank 1: the way back is blocked", blocked.Said);
        var failed = Train(2, "failed", 1_000_000, "throws");
        Assert.NotEqual(0, failed.Code);
        Assert.Contains("rank 1: tile 7: cannot be read", failed.Said);
    }

    [MpiFact]
    public void OneThatIsToldToStopStopsAllAfterTheSameStep()
    {
        Assert.Equal(0, Train(2, "stopped", 1_000_000, "told to stop").Code);
        Assert.Equal(3, TrainingCheckpoint.Newest(In("stopped"))!.Value.Step);
        var lengths = Enumerable.Range(0, 2).Select(r => File.ReadAllLines(In($"stopped/rank-{r}-of-2")).Length);
        Assert.All(lengths, length => Assert.Equal(3 * RankedTraining.MicroBatches / 2, length));
    }

    [MpiFact]
    public void RanksThatHaveComeApartAreNoticedBeforeACheckpoint()
    {
        var apart = Train(2, "apart", 10, "other weights");
        Assert.NotEqual(0, apart.Code);
        Assert.Contains("step 5: the parameters are not the same on all ranks", apart.Said);
        Assert.Null(TrainingCheckpoint.Newest(In("apart")));
    }

    [MpiFact]
    public void ALossThatIsNotFiniteOnOneRankIsSkippedByAll()
    {
        var skipped = Train(2, "skipped", 10, "not finite");
        Assert.Equal(0, skipped.Code);
        Assert.Contains("rank 1: step 5: the loss is", skipped.Said);
        Assert.Contains("skipped (1 in a row, 1 in all)", skipped.Said);
    }

    [Fact]
    public void AStepNeedsAMicroBatchForEachRank()
    {
        var error = Assert.Throws<ArgumentException>(() => Trainer.Run(
            new TrainerOptions { Steps = 1, Accumulation = 2, Ranks = new Told(0, 3, _ => 0) },
            new Dictionary<string, Parameter> { ["w"] = new(ones(1)) }, _ => 0, (_, _) => ones(1)));
        Assert.Contains("found 2 micro-batches in a step, expected at least one for each of the 3 ranks",
            error.Message);
    }

    [Theory]
    [InlineData(0, 0, true)]
    [InlineData(-1, -1, true)]
    [InlineData(long.MaxValue, long.MaxValue, true)]
    [InlineData(1, 0, false)]
    [InlineData(1L << 50, 1L << 51, false)]
    [InlineData(0x3FFFFF, 0x3FFFFE, false)]
    public void OneBitThatDiffersOnOneOf512RanksIsSeen(long here, long there, bool same)
    {
        // What the sum over 511 ranks with one value and one with the other is.
        double[] Of(long value)
        {
            double[] parts = [value & 0x3FFFFF, (value >> 22) & 0x3FFFFF, (value >>> 44) & 0xFFFFF];
            return [.. parts, .. parts.Select(p => p * p)];
        }
        var sums = Of(here).Zip(Of(there), (a, b) => 511 * a + b).ToArray();
        var at = 0;
        Assert.Equal(same, new Told(0, 512, _ => sums[at++]).IsSame(here));
    }

    [Theory]
    [InlineData("", null)]
    [InlineData("PMI_SIZE=4 PMI_RANK=1", 4)]
    [InlineData("PMI_SIZE=1", 1)]
    [InlineData("SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=3 PMIX_RANK=3", 8)]
    [InlineData("SLURM_STEP_NUM_TASKS=1 SLURM_PROCID=0", null)]
    [InlineData("OMPI_COMM_WORLD_SIZE=1", null)]
    public void WhatLaunchersTellIsUnderstood(string environment, int? count) =>
        Assert.Equal(count, MpiRanks.Started(Variables(environment)));

    [Theory]
    [InlineData("OMPI_COMM_WORLD_SIZE=2", "2 processes were started by Open MPI's mpirun")]
    [InlineData("SLURM_STEP_NUM_TASKS=8 SLURM_PROCID=3", "8 processes were started by srun without a way")]
    public void ALauncherThatCannotBeUsedIsNamed(string environment, string said) =>
        Assert.Contains(said, Assert.Throws<NotSupportedException>(() =>
            MpiRanks.Started(Variables(environment))).Message);

    private static Func<string, string?> Variables(string environment)
    {
        var known = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(e => e.Split('='))
            .ToDictionary(e => e[0], e => e[1]);
        return name => known.GetValueOrDefault(name);
    }

    /// <summary>Ranks whose sums are told.</summary>
    private sealed class Told(int rank, int count, Func<double, double> sum) : Ranks
    {
        public override int Rank => rank;

        public override int Count => count;

        public override void Sum(double[] values)
        {
            foreach (ref var value in values.AsSpan())
                value = sum(value);
        }

        public override void Sum(float[] values) => throw new NotSupportedException();

        public override void Abort() => throw new NotSupportedException();
    }

    private string In(string name) => Path.Combine(folder, name);

    // Sums in another order differ in the last bits, which ten steps of Adam carry on.
    private void AssertClose(string one, string other)
    {
        foreach (var file in new[] { "parameters.safetensors", "ema.safetensors" })
        {
            using var a = SafeTensorsFile.Open(In($"{one}/step-00000010/{file}"));
            using var b = SafeTensorsFile.Open(In($"{other}/step-00000010/{file}"));
            Assert.NotEmpty(a.Header.Entries);
            foreach (var name in a.Header.Entries.Select(e => e.Name))
            {
                using var scope = NewDisposeScope();
                Assert.True(a.Read(name).sub(b.Read(name)).abs().max().ToSingle() <= 1e-6f, $"{file}: {name}");
            }
        }
    }

    private (int Code, string Said) Train(int ranks, string name, int steps, string what = "straight")
    {
        Directory.CreateDirectory(In(name));
        string[] alone = ["dotnet", "exec", typeof(RankedTraining).Assembly.Location, "ranks", In(name), $"{steps}",
            what];
        string[] command = ranks == 1 ? alone : [MpiFactAttribute.Launcher, "-n", $"{ranks}", .. alone];
        var start = new ProcessStartInfo(command[0], command[1..])
        {
            RedirectStandardError = true, RedirectStandardOutput = true,
        };
        start.Environment["OMP_NUM_THREADS"] = "1";
        using var child = Process.Start(start)!;
        var output = child.StandardOutput.ReadToEndAsync();
        var said = child.StandardError.ReadToEnd();
        child.WaitForExit();
        return (child.ExitCode, said + output.Result);
    }
}
