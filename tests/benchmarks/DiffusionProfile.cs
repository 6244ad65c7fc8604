// Where the time of the diffusion models goes, operator by operator, and how much of it is outside of them.
using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Benchmarks;

internal static class DiffusionProfile
{
    private const int Rounds = 7;

    private static readonly (string Key, string Name)[] Cases =
        [("unet", "UNet forward"), ("bf16", "UNet forward, bfloat16"), ("vae", "VAE decode"), ("train", "training step")];

    // Operators that compute nothing: they hand on, look at memory otherwise, or get memory.
    private static readonly HashSet<string> Handing =
    [
        "view", "reshape", "_reshape_alias", "transpose", "t", "permute", "select", "slice", "narrow", "expand", "as_strided", "alias", "detach", "unsqueeze", "squeeze", "flatten",
        "empty", "empty_like", "empty_strided", "resize_", "conv2d", "convolution", "_convolution", "linear", "matmul", "group_norm", "layer_norm", "contiguous", "to", "_to_copy",
        "upsample_nearest2d.vec", "scaled_dot_product_attention", "result_type", "lift_fresh", "detach_", "unfold", "view_as",
    ];

    internal static int Run(string[] args)
    {
        set_num_threads(args.SkipWhile(a => a != "--threads").Skip(1).Select(int.Parse).FirstOrDefault(2));
        var only = Cases.Where(c => args.Contains(c.Key)).ToArray();
        foreach (var (key, name) in only.Length > 0 ? only : Cases)
        {
            using var scope = NewDisposeScope();
            var work = DiffusionPair.Make(key);
            work();
            work();
            var unwatched = Enumerable.Range(0, Rounds).Select(_ => Timed(work)).Min();
            var profile = Enumerable.Range(0, Rounds).Select(_ => SystemTorchInfo.Profile(work)).MinBy(p => p.Whole)!;
            Print(name, profile, unwatched);
        }
        return 0;
    }

    private static TimeSpan Timed(Action work)
    {
        var begun = Stopwatch.GetTimestamp();
        work();
        return Stopwatch.GetElapsedTime(begun);
    }

    private static void Print(string name, OperatorProfile profile, TimeSpan unwatched)
    {
        var whole = profile.Whole.TotalMilliseconds;
        void Row(string what, string calls, double milliseconds) => Console.WriteLine($"  {what,-44}{calls,7}{milliseconds,10:F2} ms{100 * milliseconds / whole,8:F1} %");
        Console.WriteLine($"{name}: {whole:F1} ms while it is watched, {unwatched.TotalMilliseconds:F1} ms else");
        double rest = 0, handing = 0;
        foreach (var o in profile.Operators)
        {
            if (Handing.Contains(o.Name.Replace("aten::", "")))
                handing += o.Own.TotalMilliseconds;
            if (o.Own.TotalMilliseconds >= whole / 400)
                Row(o.Name, $"{o.Calls}", o.Own.TotalMilliseconds);
            else
                rest += o.Own.TotalMilliseconds;
        }
        Row("operators of less than 0.25 % each", "", rest);
        Row("outside of operators", "", (profile.Whole - profile.Inside).TotalMilliseconds);
        Row("in operators that compute nothing", "", handing);
    }
}
