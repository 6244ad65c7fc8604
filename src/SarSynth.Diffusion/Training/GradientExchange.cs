// One step of several ranks: gradients added up in buckets while the backward pass goes on (Li et al. 2020, section
// 3.2), and the proof that all still have the same parameters.
using System.Runtime.InteropServices;
using SarSynth.Diffusion.Checkpoints;
using SarSynth.Diffusion.Models;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>What ranks exchange. Of one rank it does nothing.</summary>
/// <param name="options">Ranks, networks, length of a bucket, mixed precision.</param>
/// <param name="parameters">The same on all ranks, in the same order.</param>
internal sealed class GradientExchange(TrainerOptions options, IReadOnlyDictionary<string, Parameter> parameters)
{
    private readonly Ranks ranks = options.Ranks;
    private readonly Lazy<Dictionary<nn.Module, List<Parameter>>> blocks = new(() => OfModules(options, parameters));
    private readonly object gate = new();
    private readonly HashSet<nn.Module> complete = new(ReferenceEqualityComparer.Instance);
    private BackwardMarks? marks;
    private Bucket[]? plan;
    private float[] values = [];
    private Task? sending;
    private int ready;
    private Exception? failure;

    /// <summary>Numbers that go together, and the blocks whose gradients they are; none for what is sent last.
    /// </summary>
    private sealed record Bucket(IReadOnlyList<Parameter> Parameters, IReadOnlyList<nn.Module> Blocks);

    /// <summary>Marks the last forward pass of a step; null where nothing is to be marked.</summary>
    public IDisposable? Mark() =>
        marks = ranks.Count > 1 && options.Networks.Count > 0 ? new BackwardMarks(Complete) : null;

    /// <summary>The sum of the losses of all ranks, before the last backward pass of each: where it is not finite on
    /// one rank, none has a use for gradients.</summary>
    public double Sum(double loss)
    {
        if (ranks.Count == 1)
            return loss;
        double[] sum = [loss];
        ranks.Sum(sum);
        return sum[0];
    }

    /// <summary>Begins to send: the last backward pass of the step comes next.</summary>
    public void Begin()
    {
        if (ranks.Count == 1)
            return;
        if (plan is null)
        {
            plan = Plan();
            RequireSamePlan();
        }
        complete.Clear();
        (ready, failure) = (0, null);
        // The ranks' own thread sends nothing until Finish has returned.
        sending = Task.Factory.StartNew(SendAll, CancellationToken.None, TaskCreationOptions.LongRunning,
            TaskScheduler.Default);
    }

    /// <summary>Sends what is left; the sums over all ranks have taken the gradients' place when it returns.</summary>
    public void Finish()
    {
        if (sending is null)
            return;
        Ready(plan!.Length);
        sending.GetAwaiter().GetResult();
        sending = null;
        if (failure is { } thrown)
            throw new InvalidOperationException($"gradients on their way: {thrown.Message}", thrown);
    }

    /// <summary>Sends no more: the backward pass has failed.</summary>
    public void Abandon() => Ready(-1);

    /// <summary>Throws where ranks are not at the same step with the same parameters, bit by bit.</summary>
    /// <exception cref="CheckpointException">They went on from different checkpoints, or have come apart.</exception>
    public void RequireSame(long step)
    {
        if (ranks.Count == 1)
            return;
        if (!ranks.IsSame(step))
            throw new CheckpointException("ranks",
                $"rank {ranks.Rank} is at step {step}, another one is not; expected a folder that all ranks see");
        if (!ranks.IsSame(parameters.Values.Aggregate(17L, (sum, p) => unchecked(sum * 31 + Bits(p)))))
            throw new CheckpointException("ranks",
                $"step {step}: the parameters are not the same on all ranks; expected equal machines and libraries");
    }

    // Trained parameters of a network's modules, those of modules inside with them.
    private static Dictionary<nn.Module, List<Parameter>> OfModules(TrainerOptions options,
        IReadOnlyDictionary<string, Parameter> parameters)
    {
        var made = new Dictionary<nn.Module, List<Parameter>>(ReferenceEqualityComparer.Instance);
        foreach (var (prefix, network) in options.Networks)
        {
            var modules = network.named_modules().DistinctBy(m => m.name).ToDictionary(m => m.name, m => m.module);
            foreach (var (name, parameter) in parameters)
            {
                if (!name.StartsWith(prefix + ".", StringComparison.Ordinal))
                    continue;
                var path = name[(prefix.Length + 1)..];
                for (var dot = path.IndexOf('.'); dot > 0; dot = path.IndexOf('.', dot + 1))
                {
                    if (!modules.TryGetValue(path[..dot], out var module))
                        continue;
                    if (!made.TryGetValue(module, out var inside))
                        made[module] = inside = [];
                    inside.Add(parameter);
                }
            }
        }
        return made;
    }

    // The order is the same in every step and on every rank, whichever block is complete first: sums meet only so.
    private Bucket[] Plan()
    {
        var buckets = new List<Bucket>();
        var taken = new HashSet<Parameter>(ReferenceEqualityComparer.Instance);
        var (inside, of, length) = (new List<Parameter>(), new List<nn.Module>(), 0L);
        void Close()
        {
            if (inside.Count > 0)
                buckets.Add(new([.. inside], [.. of]));
            (inside, of, length) = ([], [], 0);
        }
        foreach (var block in (marks?.Order ?? []).Reverse())
        {
            foreach (var parameter in blocks.Value.GetValueOrDefault(block, []).Where(taken.Add))
            {
                if (length + parameter.numel() > options.GradientBucket)
                    Close();
                inside.Add(parameter);
                length += parameter.numel();
                if (of.Count == 0 || of[^1] != block)
                    of.Add(block);
            }
        }
        Close();
        foreach (var parameter in parameters.Values.Where(taken.Add))
        {
            if (length + parameter.numel() > options.GradientBucket)
                Close();
            inside.Add(parameter);
            length += parameter.numel();
        }
        Close();
        // Behind its gradients a bucket tells which of them there are.
        values = new float[buckets.Max(b => b.Parameters.Sum(p => p.numel()) + b.Parameters.Count)];
        return [.. buckets];
    }

    private void RequireSamePlan()
    {
        var numbers = new Dictionary<Parameter, int>(ReferenceEqualityComparer.Instance);
        foreach (var parameter in parameters.Values)
            numbers[parameter] = numbers.Count;
        var told = plan!.Aggregate(17L, (sum, bucket) => bucket.Parameters.Aggregate(unchecked(sum * 31 + 7),
            (s, p) => unchecked(s * 31 + numbers[p])));
        if (!ranks.IsSame(told))
            throw new CheckpointException("ranks",
                "the blocks of the networks do not run in the same order on all ranks; expected the same recipe");
    }

    // By the thread that goes backward, through libtorch's own frames: what it threw would end the process.
    private void Complete(nn.Module block)
    {
        try
        {
            if (sending is null)
                return;
            if (options.Autocast is { } autocast && blocks.Value.TryGetValue(block, out var inside))
                autocast.CollectGradientsOf(inside);
            complete.Add(block);
            var next = ready;
            while (next < plan!.Length && plan[next].Blocks is { Count: > 0 } awaited && awaited.All(complete.Contains))
                next++;
            Ready(next);
        }
        catch (Exception e)
        {
            failure ??= e;
        }
    }

    private void Ready(int count)
    {
        lock (gate)
        {
            ready = count;
            Monitor.PulseAll(gate);
        }
    }

    private void SendAll()
    {
        for (var i = 0; i < plan!.Length; i++)
        {
            lock (gate)
            {
                while (ready >= 0 && ready <= i)
                    Monitor.Wait(gate);
                if (ready < 0)
                    return;
            }
            Send(plan[i].Parameters);
        }
    }

    private void Send(IReadOnlyList<Parameter> inside)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var (filled, flags) = (0, (int)inside.Sum(p => p.numel()));
        values.AsSpan(flags).Clear();
        foreach (var (i, parameter) in inside.Index())
        {
            var place = values.AsSpan(filled, (int)parameter.numel());
            if (parameter.grad is { } gradient)
            {
                using var flat = Flat(gradient);
                flat.data<float>().CopyTo(place);
                values[flags + i] = 1;
            }
            else
                place.Clear();
            filled += place.Length;
        }
        ranks.Sum(values);
        filled = 0;
        foreach (var (i, parameter) in inside.Index())
        {
            var place = values.AsSpan(filled, (int)parameter.numel());
            filled += place.Length;
            if (values[flags + i] == 0)
                continue;
            using var sum = tensor(place.ToArray(), device: CPU).reshape(parameter.shape).to(parameter.dtype);
            if (parameter.grad is { } gradient)
                gradient.copy_(sum);
            else
                parameter.grad = sum.to(parameter.device, copy: true).DetachFromDisposeScope();
        }
    }

    // In the order of the shape, whatever the order in memory.
    private static Tensor Flat(Tensor values)
    {
        using var scope = NewDisposeScope();
        return values.detach().to(ScalarType.Float32).cpu().contiguous().reshape(-1).clone().MoveToOuterDisposeScope();
    }

    private static long Bits(Parameter parameter)
    {
        using var noGradients = no_grad();
        using var flat = Flat(parameter);
        var sum = 0L;
        foreach (var bits in MemoryMarshal.Cast<float, int>(flat.data<float>().ToArray()))
            sum = unchecked(sum * 31 + bits);
        return sum;
    }
}
