using SarSynth.FineTuning;

namespace SarSynth.Tests.FineTuning;

public sealed class LossLogTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("sarsynth-losses-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void LinesAreMeansOfTenStepsAndAKilledRunsLaterOnesGo()
    {
        var path = Path.Combine(folder, "losses.csv");
        // Loss at step n is n: the mean of 1 to 10 is 5.5.
        Train(new(path), "first", 1, 12);
        Train(new(path), "second", 1, 25);
        // The last checkpoint was after step 14.
        var again = new LossLog(path);
        Train(again, "second", 15, 30);
        Directory.CreateDirectory(Path.Combine(folder, "model"));
        again.MoveTo(Path.Combine(folder, "model"));
        again.MoveTo(Path.Combine(folder, "model"));
        Assert.Equal(
        [
            "first,10,5.5", "first validation,10,0.5", "first,12,11.5",
            "second,10,5.5", "second validation,10,0.5",
            "second,20,17.5", "second validation,20,0.5", "second,30,25.5", "second validation,30,0.5",
        ], File.ReadAllLines(Path.Combine(folder, "model", "losses.csv")));
        Assert.False(File.Exists(path));

        static void Train(LossLog log, string stage, int from, int to)
        {
            for (var step = from; step <= to; step++)
                log.Add(stage, new(step, to, step, 0, 0, 0) { Validation = step % 10 == 0 ? 0.5 : null });
        }
    }
}
