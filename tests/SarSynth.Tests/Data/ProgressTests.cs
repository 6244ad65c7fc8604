// Progress that shows itself: parts of parts, their pace, and how they end.
using SarSynth.Data;

namespace SarSynth.Tests.Data;

public sealed class ProgressTests : IDisposable
{
    private readonly Func<string, IProgressDisplay?>? before = Progress.Display;
    private readonly List<string> shown = [];
    private readonly ManualClock clock = new();

    public ProgressTests()
    {
        Progress.Display = what => new Display(what, shown);
        Progress.Time = clock;
    }

    public void Dispose() => (Progress.Display, Progress.Time) = (before, TimeProvider.System);

    [Fact]
    public void WorkTellsItsShareAndItsEnd()
    {
        using (var progress = Progress.Begin("translating"))
        {
            Say(progress, 0.25, "step 1");
            Say(progress, 1);
        }
        Assert.Equal(["translating", "25 step 1", "100 ", "done"], shown);
    }

    [Fact]
    public void ErrorsEndIt()
    {
        Assert.Throws<InvalidDataException>(void () =>
        {
            using var progress = Progress.Begin("reading");
            Say(progress, 0.5);
            throw new InvalidDataException();
        });
        using (Progress.Begin("next"))
            Assert.Equal(["reading", "50 ", "broken off", "next"], shown);
    }

    [Fact]
    public void NestedWorkIsAPartOfTheOuter()
    {
        using (var outer = Progress.Begin("two scenes"))
        {
            outer.Part(0.5, "a");
            Inner("translating");
            outer.Part(0.9, "b");
            Inner("translating");
            outer.At(1);
        }
        Assert.Equal(["two scenes", "0 a", "25 a, half", "50 a", "50 b", "70 b, half", "90 b", "100 ", "done"], shown);
    }

    [Fact]
    public void PartsOfPartsAddUp()
    {
        using (var outer = Progress.Begin("outer"))
        {
            outer.Part(0.5);
            using (var middle = Progress.Begin("middle"))
            {
                middle.Part(0.5);
                Inner("inner");
                middle.At(1);
            }
            clock.Pass(1);
            outer.At(1);
        }
        Assert.Equal(["outer", "0 ", "12 half", "25 ", "50 ", "100 ", "done"], shown);
    }

    [Fact]
    public void NestedWorkWithoutAPartIsTold()
    {
        using (var outer = Progress.Begin("outer"))
        {
            Say(outer, 0.3);
            Inner("looking");
            Say(outer, 1);
        }
        Assert.Equal(["outer", "30 ", "30 looking 50 %", "30 looking 100 %", "100 ", "done"], shown);
    }

    [Fact]
    public void FastNewsWaits()
    {
        using (var progress = Progress.Begin("training"))
        {
            for (var i = 0; i < 100; i++)
            {
                progress.At(i / 200.0, $"{i}");
                clock.Pass(0.01);
            }
        }
        // Ten seconds' hundredths, shown ten times a second; the last news before the end is not lost.
        string[] firsts = [.. Enumerable.Range(0, 10).Select(i => $"{5 * i} {10 * i}")];
        Assert.Equal(["training", .. firsts, "49 99", "broken off"], shown);
    }

    [Fact]
    public void EachThingIsAPart()
    {
        foreach (var item in Progress.Over("two scenes", ["a", "b"], item => item))
        {
            clock.Pass(1);
            Inner(item);
        }
        Assert.Equal(["two scenes", "0 a", "25 a, half", "50 a", "50 b", "75 b, half", "100 b", "100 ", "done"], shown);
        shown.Clear();
        foreach (var _ in Progress.Over("numbers", [1, 2, 3]))
            break;
        Assert.Equal(["numbers", "0 1 of 3", "broken off"], shown);
    }

    [Fact]
    public async Task FlowsOfControlHaveTheirOwn()
    {
        using var outer = Progress.Begin("outer");
        outer.Part(1, "in a task");
        await Task.Run(() => Inner("inner"));
        using var after = Progress.Begin("after");
        Assert.Equal(["outer", "0 in a task", "50 in a task, half", "100 in a task"], shown);
    }

    [Fact]
    public void NothingIsShownUnlessAskedFor()
    {
        foreach (var display in new Func<string, IProgressDisplay?>?[] { null, _ => null })
        {
            Progress.Display = display;
            using var progress = Progress.Begin("quiet");
            Say(progress, 0.5);
        }
        Assert.Empty(shown);
        using (var progress = Progress.Begin("x"))
            Assert.Contains("'x': found NaN", Assert.Throws<ArgumentException>(() => progress.At(double.NaN)).Message);
    }

    private void Inner(string what)
    {
        using var inner = Progress.Begin(what);
        clock.Pass(1);
        inner.At(0.5, "half");
        clock.Pass(1);
        inner.At(1);
        clock.Pass(1);
    }

    private void Say(Progress progress, double share, string note = "")
    {
        progress.At(share, note);
        clock.Pass(1);
    }

    private sealed class Display : IProgressDisplay
    {
        private readonly List<string> shown;

        public Display(string what, List<string> shown) => (this.shown = shown).Add(what);

        public void At(double share, string note) => shown.Add($"{Math.Floor(100 * share + 1e-9)} {note}");

        public void End(bool done) => shown.Add(done ? "done" : "broken off");
    }
}
