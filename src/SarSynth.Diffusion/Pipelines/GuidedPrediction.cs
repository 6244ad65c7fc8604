// One prediction of a guided model: conditional and unconditional half in one batch, ControlNets, guidance with
// rescale.
// Ho and Salimans (2021), eq. 6; Lin et al. (2024), eq. 15 and 16; Zhang et al. (2023), ControlNet.
using SarSynth.Diffusion.Models;
using SarSynth.Diffusion.Samplers;
using SarSynth.Diffusion.Tiling;
using TorchSharp;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Pipelines;

/// <summary>The denoiser of one request: what does not change over the steps is computed once.</summary>
internal sealed class GuidedPrediction : IDisposable
{
    private readonly LatentDiffusion model;
    private readonly GenerationRequest request;
    private readonly SamplingPlan plan;
    private readonly Inpainting? inpainting;
    private readonly bool guided;
    private readonly int latentRows, latentColumns;
    private readonly ScalarType type;
    private readonly Tensor text;
    private readonly Tensor? pooled, timeIds, guidanceEmbedding;

    // Keys and values of the text hang on the batch, and the last windows of a row may be fewer.
    private readonly Dictionary<(object Model, long Batch), TextCache> caches = [];

    // What a ControlNet makes of its condition hangs on the place alone.
    private readonly Dictionary<(int Net, TileWindow? Window), Tensor> conditions = [];
    private long conditionBytes;

    public GuidedPrediction(LatentDiffusion model, GenerationRequest request, SamplingPlan plan, int height, int width,
        Inpainting? inpainting)
    {
        (this.model, this.request, this.plan, this.inpainting) = (model, request, plan, inpainting);
        (latentRows, latentColumns) = (height / model.Vae.Config.Factor, width / model.Vae.Config.Factor);
        guided = request.Guidance.Scale > 1 && model.Unet.Config.TimeCondProjDim is null;
        type = model.Unet.parameters().First().dtype;
        var (positive, negative) = model.Embed(request, guided);
        Tensor Joined(Func<PromptEmbeddings, Tensor> of) =>
            (negative is null ? of(positive) : cat([of(negative), of(positive)])).to(type, model.Device);
        text = Joined(e => e.Text);
        if (model.Unet.Config.AdditionEmbedType == "text_time")
        {
            pooled = Joined(e =>
                e.Pooled ?? throw new InvalidOperationException("this model needs the pooled text "
                + "of its second text encoder"));
            var ids = TimeIds(request.Sizes, height, width);
            Tensor Row(float[] values) => tensor(values, device: model.Device);
            timeIds = (guided ? stack([Row(ids.Negative), Row(ids.Positive)])
                : Row(ids.Positive).unsqueeze(0)).to(type, model.Device);
        }
        if (model.Unet.Config.TimeCondProjDim is { } dimension)
            guidanceEmbedding = GuidanceEmbedding(request.Guidance.Scale - 1, dimension).to(type, model.Device);
    }

    /// <summary>The guided prediction for noisy latents, or for windows of them.</summary>
    public Tensor Predict(Tensor input, double timestep, IReadOnlyList<TileWindow>? windows)
    {
        using var scope = NewDisposeScope();
        long n = input.shape[0];
        var sample = input.to(type, model.Device);
        var whole = guided ? cat([sample, sample]) : sample;
        using var time = tensor((float)timestep, device: model.Device);
        var (down, mid) = Controlled(sample, time, StepOf(timestep), windows);
        if (inpainting?.Extra(windows) is { } extra)
            whole = cat([whole, (guided ? cat([extra, extra]) : extra).to(type)], 1);
        Tensor words = Repeated(text, n)!;
        Tensor? pooledWords = Repeated(pooled, n), sizes = Repeated(timeIds, n);
        var output = model.Unet.forward(whole, time, words, pooledWords, sizes,
            timestep_cond: Repeated(guidanceEmbedding, whole.shape[0]), down_block_additional_residuals: down,
                mid_block_additional_residual: mid,
            cache: Cache(model.Unet, whole.shape[0])).to(ScalarType.Float32, input.device);
        request.Observe?.Invoke(new(whole, timestep, words, pooledWords, sizes, output));
        if (!guided)
            return output.MoveToOuterDisposeScope();

        Tensor without = output.narrow(0, 0, n), with = output.narrow(0, n, n);
        var prediction = without.Plus((with - without).Times_(request.Guidance.Scale));
        if (request.Guidance.Rescale > 0)
        {
            Tensor Spread(Tensor x) => x.flatten(1).std(1, keepdim: true).reshape(-1, 1, 1, 1);
            var rescaled = prediction * (Spread(with) / Spread(prediction));
            prediction = rescaled.Times_(request.Guidance.Rescale).Plus_(prediction, 1 - request.Guidance.Rescale);
        }
        return prediction.MoveToOuterDisposeScope();
    }

    /// <summary>Lets go of what was kept over the steps; tensors that were given stay.</summary>
    public void Dispose()
    {
        foreach (var cache in caches.Values)
            cache.Dispose();
        foreach (var condition in conditions.Values)
            condition.Dispose();
    }

    private (IReadOnlyList<Tensor>? Down, Tensor? Mid) Controlled(Tensor sample, Tensor time, int step,
        IReadOnlyList<TileWindow>? windows)
    {
        List<Tensor>? down = null;
        Tensor? mid = null;
        long n = sample.shape[0];
        bool guess = request.Control?.GuessMode ?? false, both = guided && !guess;
        foreach (var (index, control) in (request.Control?.Nets ?? []).Index())
        {
            int count = plan.Stop - plan.Start;
            if ((double)step / count < control.Start || (double)(step + 1) / count > control.End || control.Scale == 0)
                continue;
            var condition = windows is null ? Repeated(Condition(index, control, null), n)!
                : windows.Count == 1 ? Condition(index, control, windows[0])
                : cat([.. windows.Select(w => Condition(index, control, w))]);
            long half = both ? 0 : text.shape[0] - 1;
            Tensor? Own(Tensor? value) => Repeated(value?.narrow(0, half, value.shape[0] - half), n);
            var input = both ? cat([sample, sample]) : sample;
            var output = control.Net.Residuals(input, time, Own(text)!, both ? cat([condition, condition]) : condition,
                control.Scale, guess, Own(pooled), Own(timeIds), cache: Cache(control.Net, input.shape[0]));
            // In guess mode the unconditional half has no residuals.
            Tensor Whole(Tensor residual) => guided && !both ? cat([zeros_like(residual), residual]) : residual;
            down = down is null ? [.. output.Down.Select(Whole)]
                : [.. down.Zip(output.Down, (sum, next) => sum.Plus(Whole(next)))];
            mid = mid is null ? Whole(output.Mid) : mid.Plus(Whole(output.Mid));
        }
        return (down, mid);
    }

    // Kept over the steps while there is room; else the scope of the prediction lets it go.
    private Tensor Condition(int index, ControlInput control, TileWindow? window)
    {
        if (conditions.TryGetValue((index, window), out var kept))
            return kept;
        int factor = control.Net.ConditionFactor;
        var image = window is { } part ? control.Image.Of(part.Scaled(factor)) : control.Image.Whole;
        CheckCondition(index, control, image, window);
        var made = control.Net.Embedded(image.to(type, model.Device));
        long bytes = made.numel() * made.element_size();
        if (conditionBytes + bytes > request.Control!.KeptBytes)
            return made;
        conditionBytes += bytes;
        return conditions[(index, window)] = made.DetachFromDisposeScope();
    }

    private void CheckCondition(int index, ControlInput control, Tensor image, TileWindow? window)
    {
        int factor = control.Net.ConditionFactor;
        var (rows, columns) = window is { } part ? (part.Height, part.Width) : (latentRows, latentColumns);
        long[] expected = [1, control.Net.Config.ConditioningChannels, rows * factor, columns * factor];
        if (!image.shape.AsSpan().SequenceEqual(expected))
        {
            throw new ArgumentException($"condition of ControlNet {index}: found shape "
                + $"[{string.Join(", ", image.shape)}], "
                + $"expected [{string.Join(", ", expected)}].");
        }
    }

    private int StepOf(double timestep)
    {
        for (int i = plan.Start; i < plan.Stop; i++)
            if (plan.Timesteps[i] == timestep)
                return i - plan.Start;
        return 0;
    }

    private TextCache Cache(object of, long batch) => caches.TryGetValue((of, batch), out var cache) ? cache
        : caches[(of, batch)] = new TextCache();

    private static Tensor? Repeated(Tensor? value, long n) =>
        value is null || n == 1 ? value : value.repeat_interleave(n, 0);

    private (float[] Positive, float[] Negative) TimeIds(SizeConditioning sizes, int height, int width)
    {
        var original = sizes.Original ?? (height, width);
        var target = sizes.Target ?? (height, width);
        bool own = sizes.NegativeOriginal is not null && sizes.NegativeTarget is not null;
        // An image's pipelines tell the negative half its own crop always, text to image only with sizes of its own.
        bool separate = own || request.Start is not null;
        var negativeCrop = separate ? sizes.NegativeCrop : sizes.Crop;
        var negativeOriginal = separate ? sizes.NegativeOriginal ?? original : original;
        var negativeTarget = separate ? sizes.NegativeTarget ?? target : target;
        int width6 = model.Unet.Config.ProjectionClassEmbeddingsInputDim!.Value - (int)pooled!.shape[1];
        bool scores = width6 == 5 * model.Unet.Config.AdditionTimeEmbedDim!.Value;
        float[] Ids((int Height, int Width) size, (int Top, int Left) crop, (int Height, int Width) end,
            double score) =>
            scores ? [size.Height, size.Width, crop.Top, crop.Left, (float)score]
            : [size.Height, size.Width, crop.Top, crop.Left, end.Height, end.Width];
        return (Ids(original, sizes.Crop, target, sizes.AestheticScore),
            Ids(negativeOriginal, negativeCrop, negativeTarget, sizes.NegativeAestheticScore));
    }

    // Sinusoids of 1000 times the guidance, as for timesteps (Meng et al. 2023, guided distillation).
    private static Tensor GuidanceEmbedding(double guidance, int dimension)
    {
        int half = dimension / 2;
        var angles = Enumerable.Range(0, half)
            .Select(i => 1000 * guidance * Math.Exp(-Math.Log(10000) * i / (half - 1))).ToArray();
        return tensor([.. angles.Select(a => (float)Math.Sin(a)), .. angles.Select(a => (float)Math.Cos(a))],
            device: CPU).unsqueeze(0);
    }
}
