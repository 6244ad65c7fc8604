// One step of several ranks: gradients added up in buckets, and the proof that all still have the same parameters.
using System.Runtime.InteropServices;
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Training;

/// <summary>What ranks exchange.</summary>
internal static class RankedGradients
{
    // Few large messages: a meeting costs microseconds to milliseconds, whatever its length. 16 MB of float32.
    private const int BucketLength = 4 << 20;

    /// <summary>Puts the sum over all ranks in the place of each rank's gradients, and of its loss.</summary>
    /// <param name="ranks">Who takes part.</param>
    /// <param name="parameters">The same on all ranks, in the same order.</param>
    /// <param name="made">What came of this rank's micro-batches.</param>
    public static Trainer.Made Sum(Ranks ranks, IReadOnlyDictionary<string, Parameter> parameters, Trainer.Made made)
    {
        if (ranks.Count == 1)
            return made;
        // First the loss: where it is not finite on one rank, none has a use for gradients. With it, who has which.
        double[] head = [made.Loss, .. parameters.Values.Select(p => p.grad is null ? 0.0 : 1.0)];
        ranks.Sum(head);
        if (double.IsFinite(head[0]))
        {
            using var noGradients = no_grad();
            Sum(ranks, [.. parameters.Values.Where((_, i) => head[1 + i] > 0)]);
        }
        return made with { Loss = head[0], IsOwn = !double.IsFinite(made.Loss) };
    }

    /// <summary>Throws where ranks are not at the same step with the same parameters, bit by bit.</summary>
    /// <exception cref="CheckpointException">They went on from different checkpoints, or have come apart.</exception>
    public static void RequireSame(Ranks ranks, long step, IReadOnlyDictionary<string, Parameter> parameters)
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

    private static void Sum(Ranks ranks, IReadOnlyList<Parameter> parameters)
    {
        if (parameters.Count == 0)
            return;
        var longest = parameters.Max(p => p.numel());
        var bucket = new float[Math.Min(parameters.Sum(p => p.numel()), Math.Max(BucketLength, longest))];
        var filled = 0;
        var inside = new List<Parameter>();
        foreach (var parameter in parameters)
        {
            if (filled + parameter.numel() > bucket.Length)
                Exchange();
            Span<float> place = bucket.AsSpan(filled, (int)parameter.numel());
            if (parameter.grad is { } gradient)
            {
                using var flat = Flat(gradient);
                flat.data<float>().CopyTo(place);
            }
            else
                place.Clear();
            inside.Add(parameter);
            filled += place.Length;
        }
        Exchange();

        void Exchange()
        {
            bucket.AsSpan(filled).Clear();
            ranks.Sum(bucket);
            filled = 0;
            foreach (var parameter in inside)
            {
                using var scope = NewDisposeScope();
                var sum = tensor(bucket.AsSpan(filled, (int)parameter.numel()).ToArray(), device: CPU)
                    .reshape(parameter.shape).to(parameter.dtype);
                if (parameter.grad is { } gradient)
                    gradient.copy_(sum);
                else
                    parameter.grad = sum.to(parameter.device).DetachFromDisposeScope();
                filled += (int)parameter.numel();
            }
            inside.Clear();
            filled = 0;
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
