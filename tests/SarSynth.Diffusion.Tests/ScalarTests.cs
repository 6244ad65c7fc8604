// Numbers live through the calls that take them, however often another thread collects.
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Tests;

public class ScalarTests
{
    private const int Calls = 50_000;

    private static readonly Dictionary<string, (Func<Tensor, Tensor> Of, double Expected)> calls = new()
    {
        ["Plus tensor"] = (x => x.Plus(x), 6),
        ["Plus_ tensor"] = (x => x.Plus_(x), 6),
        ["Plus_ factor"] = (x => x.Plus_(x, 0.25), 3.75),
        ["Plus"] = (x => x.Plus(0.5), 3.5),
        ["Plus_"] = (x => x.Plus_(0.5), 3.5),
        ["Minus"] = (x => x.Minus(0.5), 2.5),
        ["Minus_"] = (x => x.Minus_(0.5), 2.5),
        ["Complement"] = (x => x.Complement(), -2),
        ["Times"] = (x => x.Times(0.5), 1.5),
        ["Times whole"] = (x => x.Times(7L), 21),
        ["Times_"] = (x => x.Times_(0.5), 1.5),
        ["Over"] = (x => x.Over(4.0), 0.75),
        ["Over_"] = (x => x.Over_(4.0), 0.75),
        ["Squared"] = (x => x.Squared(), 9),
        ["Clamped"] = (x => x.Clamped(3.5, 4.5), 3.5),
        ["Clamped_"] = (x => x.Clamped_(3.5, 4.5), 3.5),
        ["AtLeast"] = (x => x.AtLeast(2.5), 1),
        ["EqualTo"] = (x => x.EqualTo(3), 1),
        ["Filled"] = (x => x.Filled(x.isfinite(), 0.5), 0.5),
        ["Range"] = (_ => Scalars.Range(6, ScalarType.Float32, CPU).sum(), 15),
        ["ToDouble"] = (x => tensor(x.max().ToDouble()), 3),
        ["ToSingle"] = (x => tensor(x.max().ToSingle()), 3),
        ["ToInt64"] = (x => tensor(x.max().to(ScalarType.Int64).ToInt64()), 3),
    };

    public static TheoryData<string> Names => [.. calls.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_number_lives_through_its_call(string name)
    {
        var (of, expected) = calls[name];
        using var noGradients = no_grad();
        // One element: a number that was freed is wrong for all of them alike.
        using var start = full(1, 3f);
        using var stop = new CancellationTokenSource();
        var collector = new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
            {
                GC.Collect(0);
                GC.WaitForPendingFinalizers();
            }
        });
        collector.Start();
        int wrong = 0;
        try
        {
            for (int call = 0; call < Calls; call++)
            {
                using var scope = NewDisposeScope();
                var result = of(start.clone()).to(ScalarType.Float32).flatten();
                foreach (float value in result.data<float>())
                    if (value != expected)
                    {
                        wrong++;
                        break;
                    }
            }
        }
        finally
        {
            stop.Cancel();
            collector.Join();
        }
        Assert.Equal(0, wrong);
    }
}
