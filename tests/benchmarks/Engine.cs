// The tensor engine beside python3-torch, in turns on the same machine: the cost of a call, convolution, memory of temporaries.
using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Benchmarks;

internal static class Engine
{
    private const int Rounds = 5;

    internal static int Run(string[] args)
    {
        if (args is ["memory", var kind]) return Memory(kind);
        set_num_threads(2);
        Console.WriteLine($"libtorch {SystemTorchInfo.Version}, {get_num_threads()} threads, BLAS {Path.GetFileName(SystemTorchInfo.Blas)}, OpenMP {string.Join(" ", SystemTorchInfo.OpenMP.Select(Path.GetFileName))}");
        using var python = PythonScript.Start("engine.py");

        // The two take turns, so that what else runs on the machine hits both; the best of the rounds counts.
        var rows = new List<(string Name, string Unit, double Ours, double Theirs, double Limit)>();
        foreach (var (name, key, unit, limit, ours) in Cases())
        {
            double mine = double.MaxValue, theirs = double.MaxValue;
            for (var r = 0; r < Rounds; r++)
            {
                mine = Math.Min(mine, ours());
                if (python is not null) theirs = Math.Min(theirs, python.Ask(key)[0]);
            }
            rows.Add((name, unit, mine, theirs, limit));
        }

        Console.WriteLine($"{"",-52}{"here",12}{"python3",12}{"ratio",8}{"goal",8}");
        var missed = false;
        foreach (var (name, unit, mine, theirs, limit) in rows)
        {
            var scale = unit == "us" ? 1e6 : 1e3;
            var ratio = mine / theirs;
            missed |= python is not null && limit > 0 && ratio > limit;
            Console.WriteLine($"{name,-52}{mine * scale,9:F3} {unit}{(python is null ? "-" : $"{theirs * scale:F3} {unit}"),12}{(python is null ? "-" : $"{ratio:F2}"),8}{(limit > 0 ? $"{limit:F2}" : ""),8}");
        }
        foreach (var way in new[] { "dispose", "scope" })
        {
            var peak = Self.Number("engine", "memory", way);
            missed |= peak > 300;
            Console.WriteLine($"{"500 temporaries of 8 MB, " + (way == "dispose" ? "each disposed" : "left to the scope"),-52}{peak,9:F0} MB{"",12}{"",8}{"300 MB",8}");
        }
        if (python is null) Console.WriteLine("python3-torch is not installed: nothing to compare with");
        return missed ? 1 : 0;
    }

    private static IEnumerable<(string Name, string Key, string Unit, double Limit, Func<double> Ours)> Cases()
    {
        manual_seed(0);
        var a = torch.ones(1);
        var b = torch.ones(1);
        yield return ("add of two one-element tensors, Dispose, no_grad", "add", "us", 1.2, () =>
        {
            using var quiet = no_grad();
            return PerCall(200_000, () => { using var c = a.add(b); });
        });
        yield return ("add, operator and gradient recorded", "add_grad", "us", 0, () =>
        {
            var w = torch.ones(1, requires_grad: true);
            return PerCall(100_000, () => { using var c = w + b; });
        });
        var x = torch.randn(4, 128, 64, 64);
        var weight = torch.randn(128, 128, 3, 3, requires_grad: true);
        var bias = torch.randn(128, requires_grad: true);
        yield return ("conv 3x3 128->128 on 4x128x64x64, forward", "conv", "ms", 1.05, () =>
        {
            using var quiet = no_grad();
            return PerCall(10, () => { using var y = nn.functional.conv2d(x, weight, bias, padding: [1L, 1L]); });
        });
        var input = torch.randn(4, 128, 64, 64, requires_grad: true);
        yield return ("the same, forward and backward", "conv_back", "ms", 1.05, () => PerCall(5, () =>
        {
            using var scope = NewDisposeScope();
            nn.functional.conv2d(input, weight, bias, padding: [1L, 1L]).sum().backward();
            input.grad = weight.grad = bias.grad = null;
        }));
        var m = torch.randn(512, 512);
        yield return ("matmul 512x512", "matmul", "ms", 0, () =>
        {
            using var quiet = no_grad();
            return PerCall(40, () => { using var y = m.matmul(m); });
        });
        var linear = nn.Linear(64, 64);
        var optimizer = optim.AdamW(linear.parameters(), lr: 1e-3);
        var small = torch.randn(32, 64);
        yield return ("training step: linear 64x64, AdamW", "step", "us", 0, () => PerCall(1000, () =>
        {
            using var scope = NewDisposeScope();
            optimizer.zero_grad();
            linear.call(small).pow(2).mean().backward();
            optimizer.step();
        }));
    }

    private static double PerCall(int n, Action call)
    {
        for (var k = 0; k < Math.Max(2, n / 10); k++) call();
        var watch = Stopwatch.StartNew();
        for (var k = 0; k < n; k++) call();
        return watch.Elapsed.TotalSeconds / n;
    }

    /// <summary>Makes 500 temporaries of 8 MB and prints the process's peak resident memory in MB.</summary>
    private static int Memory(string way)
    {
        set_num_threads(2);
        using (no_grad())
        using (NewDisposeScope())
        {
            var x = torch.ones(2 << 20);
            for (var k = 0; k < 500; k++)
            {
                var t = x.add(k);
                if (way == "dispose") t.Dispose();
            }
        }
        Console.WriteLine(Self.PeakMegabytes);
        return 0;
    }
}
