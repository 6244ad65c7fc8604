// ControlNet: a trainable copy of the UNet's way down that adds a condition image: Zhang, Rao and Agrawala (2023).
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>What a ControlNet adds to a UNet: one residual for each skip, and one for the middle.</summary>
/// <param name="Down">In the order of the way down.</param>
/// <param name="Mid">For the middle.</param>
public sealed record ControlNetOutput(IReadOnlyList<Tensor> Down, Tensor Mid) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in Down)
            tensor.Dispose();
        Mid.Dispose();
    }
}

/// <summary>A ControlNet. Members carry the checkpoint's names.</summary>
public sealed class ControlNetModel : ConditionalEncoder, IPretrainedModel<ControlNetModel>
{
    private readonly ControlNetConditioningEmbedding controlnet_cond_embedding;
    private readonly ModuleList<Conv2d> controlnet_down_blocks;
    private readonly Conv2d controlnet_mid_block;

    /// <summary>A model with random weights, and zeros where it joins the UNet.</summary>
    /// <inheritdoc cref="UNet2DConditionModel(UNet2DConditionConfig, Device?, ScalarType?)"/>
    public ControlNetModel(ControlNetConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(ControlNetModel), Checked(config), new(device, dtype), convInKernel: 3, guidanceWidth: null,
            embeddingWidth: null)
    {
        Config = config;
        var channels = config.BlockOutChannels;
        var layers = config.LayersPerBlock.For(channels.Length, "layers_per_block", nameof(ControlNetModel));
        controlnet_cond_embedding = new(config.ConditioningChannels, config.ConditioningEmbeddingOutChannels,
            channels[0], Level.At);
        controlnet_down_blocks = nn.ModuleList(ZeroConv(channels[0]));
        for (var i = 0; i < channels.Length; i++)
        {
            for (var j = 0; j < layers[i] + (i < channels.Length - 1 ? 1 : 0); j++)
                controlnet_down_blocks.Add(ZeroConv(channels[i]));
        }
        controlnet_mid_block = ZeroConv(channels[^1]);
        RegisterComponents();
    }

    /// <summary>The configuration it was made from.</summary>
    public ControlNetConfig Config { get; }

    /// <summary>
    /// A ControlNet that starts as a copy of a UNet's way down: with its zero convolutions it changes nothing yet.
    /// </summary>
    /// <param name="unet">The UNet that it is to steer; it stays as it is.</param>
    /// <param name="conditioningChannels">Channels of the condition image.</param>
    /// <param name="conditioningEmbeddingOutChannels">
    /// See <see cref="ControlNetConfig.ConditioningEmbeddingOutChannels"/>; diffusers' 16, 32, 96, 256 where null.
    /// </param>
    public static ControlNetModel FromUNet(UNet2DConditionModel unet, int conditioningChannels = 3,
        int[]? conditioningEmbeddingOutChannels = null)
    {
        var from = unet.Config;
        var config = new ControlNetConfig
        {
            InChannels = from.InChannels,
            FlipSinToCos = from.FlipSinToCos,
            FreqShift = from.FreqShift,
            DownBlockTypes = from.DownBlockTypes,
            MidBlockType = from.MidBlockType,
            OnlyCrossAttention = from.OnlyCrossAttention,
            BlockOutChannels = from.BlockOutChannels,
            LayersPerBlock = from.LayersPerBlock,
            DownsamplePadding = from.DownsamplePadding,
            MidBlockScaleFactor = from.MidBlockScaleFactor,
            ActFn = from.ActFn,
            NormNumGroups = from.NormNumGroups,
            NormEps = from.NormEps,
            CrossAttentionDim = from.CrossAttentionDim,
            TransformerLayersPerBlock = from.TransformerLayersPerBlock,
            AttentionHeadDim = from.AttentionHeadDim,
            UseLinearProjection = from.UseLinearProjection,
            ClassEmbedType = from.ClassEmbedType,
            AdditionEmbedType = from.AdditionEmbedType,
            AdditionTimeEmbedDim = from.AdditionTimeEmbedDim,
            NumClassEmbeds = from.NumClassEmbeds,
            UpcastAttention = from.UpcastAttention,
            ResnetTimeScaleShift = from.ResnetTimeScaleShift,
            ProjectionClassEmbeddingsInputDim = from.ProjectionClassEmbeddingsInputDim,
            AdditionEmbedTypeNumHeads = from.AdditionEmbedTypeNumHeads,
            ConditioningChannels = conditioningChannels,
            ConditioningEmbeddingOutChannels = conditioningEmbeddingOutChannels ?? [16, 32, 96, 256],
        };
        var weight = unet.conv_in.weight;
        if (from.ConvInKernel != 3 || from.TimeCondProjDim != null || from.TimeEmbeddingDim != null)
            throw new ArgumentException("the UNet has settings that no ControlNet has: conv_in_kernel, "
                + "time_cond_proj_dim or time_embedding_dim.", nameof(unet));
        // What is not copied is drawn on the CPU: the same numbers on every machine.
        var meta = weight.device_type == DeviceType.META;
        var controlNet = new ControlNetModel(config, meta ? weight.device : CPU, weight.dtype);
        var source = unet.named_parameters().ToDictionary(p => p.Item1, p => p.Item2, StringComparer.Ordinal);
        using var grad = no_grad();
        foreach (var (name, parameter) in controlNet.named_parameters())
        {
            if (source.TryGetValue(name, out var value))
                parameter.copy_(value);
        }
        controlNet.to(weight.device);
        return controlNet;
    }

    /// <summary>The residuals for a UNet.</summary>
    /// <param name="sample">Noisy latents, [N, in_channels, H, W].</param>
    /// <param name="timestep">One value or one for each sample.</param>
    /// <param name="encoder_hidden_states">Text embeddings, [N, T, cross_attention_dim].</param>
    /// <param name="controlnet_cond">
    /// The condition image, [N, conditioning_channels, f H, f W], 0 to 1; f is 2 to the number of strides.
    /// </param>
    /// <param name="conditioning_scale">Factor of all residuals.</param>
    /// <param name="guess_mode">
    /// Weigh the residuals from 0.1 at the finest level to 1 in the middle (ControlNet without prompt).
    /// </param>
    /// <param name="text_embeds">SDXL: pooled text.</param>
    /// <param name="time_ids">SDXL: sizes and crop.</param>
    /// <param name="class_labels">For models with class embeddings.</param>
    /// <param name="encoder_attention_mask">[N, T]: 1 keeps a token, 0 drops it.</param>
    /// <param name="cache">Keeps the text's keys and values between steps; only without gradients.</param>
    /// <exception cref="ArgumentException">A shape that does not fit.</exception>
    public ControlNetOutput forward(
        Tensor sample, Tensor timestep, Tensor encoder_hidden_states, Tensor controlnet_cond,
        double conditioning_scale = 1, bool guess_mode = false,
        Tensor? text_embeds = null, Tensor? time_ids = null, Tensor? class_labels = null,
        Tensor? encoder_attention_mask = null, TextCache? cache = null)
    {
        CheckSample(sample);
        long[] expected = [sample.shape[0], Config.ConditioningChannels, ConditionFactor * sample.shape[2],
            ConditionFactor * sample.shape[3]];
        if (!controlnet_cond.shape.AsSpan().SequenceEqual(expected))
        {
            throw new ArgumentException($"controlnet_cond: found shape [{string.Join(", ", controlnet_cond.shape)}], "
                + $"expected [{string.Join(", ", expected)}].", nameof(controlnet_cond));
        }
        using var condition = Embedded(controlnet_cond);
        return Residuals(sample, timestep, encoder_hidden_states, condition, conditioning_scale, guess_mode,
            text_embeds,
            time_ids, class_labels, encoder_attention_mask, cache);
    }

    /// <summary>Pixels of the condition image for each latent along an axis.</summary>
    public int ConditionFactor => 1 << (Config.ConditioningEmbeddingOutChannels.Length - 1);

    /// <summary>
    /// What the net makes of a condition image, the same at every timestep: [N, C, H, W] on the latents' grid.
    /// </summary>
    internal Tensor Embedded(Tensor controlnet_cond)
    {
        using var image = Steps.ChannelsInnermost(
            Config.ControlnetConditioningChannelOrder == "bgr" ? controlnet_cond.flip(1) : controlnet_cond);
        return controlnet_cond_embedding.call(image);
    }

    /// <summary>The residuals, from a condition image that is <see cref="Embedded"/> already.</summary>
    internal ControlNetOutput Residuals(
        Tensor sample, Tensor timestep, Tensor encoder_hidden_states, Tensor condition,
        double conditioning_scale, bool guess_mode, Tensor? text_embeds, Tensor? time_ids, Tensor? class_labels = null,
        Tensor? encoder_attention_mask = null, TextCache? cache = null)
    {
        CheckSample(sample);
        using var scope = NewDisposeScope();
        var embedding = Embed(sample, timestep, text_embeds, time_ids, class_labels, timestep_cond: null);
        var context = Context(sample, embedding, encoder_hidden_states, encoder_attention_mask, cache);
        using var ordered = Steps.ChannelsInnermost(sample);
        var skips = new List<Tensor>();
        var deepest = Down(conv_in.call(ordered).Plus_(condition), context, skips);
        using var middle = mid_block!.call(deepest, context);
        var results = new Tensor[skips.Count + 1];
        for (var i = 0; i <= skips.Count; i++)
        {
            var joined = i < skips.Count ? controlnet_down_blocks[i].call(skips[i]) : controlnet_mid_block.call(middle);
            var scale = conditioning_scale * (guess_mode && !Config.GlobalPoolConditions
                ? Math.Pow(10, -1 + (double)i / skips.Count) : 1);
            var scaled = scale == 1 ? joined : joined.Times(scale);
            results[i] = (Config.GlobalPoolConditions ? scaled.mean([2, 3], keepdim: true) : scaled)
                .MoveToOuterDisposeScope();
            if (i < skips.Count)
                skips[i].Dispose();
        }
        return new(results[..^1], results[^1]);
    }

    static string IPretrainedModel<ControlNetModel>.WeightsName => "diffusion_pytorch_model";

    static ControlNetModel IPretrainedModel<ControlNetModel>.Create(string json, string source, Device? device,
        ScalarType? dtype) =>
        new(ControlNetConfig.FromJson(json, source), device, dtype);

    string IPretrainedModel<ControlNetModel>.ConfigJson => Config.ToJson();

    /// <summary>Sets a layer to zero: it passes nothing on until training moves it.</summary>
    internal static Conv2d Zero(Conv2d layer)
    {
        using var grad = no_grad();
        nn.init.zeros_(layer.weight);
        nn.init.zeros_(layer.bias!);
        return layer;
    }

    private Conv2d ZeroConv(int channels) => Zero(Level.At.Conv2d(channels, channels, kernel: 1, padding: 0));

    private static ControlNetConfig Checked(ControlNetConfig config)
    {
        config.Check(nameof(ControlNetModel));
        return config;
    }
}

/// <summary>Several ControlNets at once: their residuals are added.</summary>
public sealed class MultiControlNet
{
    private readonly IReadOnlyList<ControlNetModel> nets;

    /// <param name="nets">At least one, all for the same UNet.</param>
    /// <exception cref="ArgumentException">None were given.</exception>
    public MultiControlNet(params IReadOnlyList<ControlNetModel> nets)
    {
        if (nets.Count == 0)
            throw new ArgumentException("found no ControlNet, expected at least one.", nameof(nets));
        this.nets = nets;
    }

    /// <summary>The nets, in their order.</summary>
    public IReadOnlyList<ControlNetModel> Nets => nets;

    /// <summary>The sum of all residuals; each net has its own condition and scale.</summary>
    /// <inheritdoc cref="ControlNetModel.forward"/>
    public ControlNetOutput forward(
        Tensor sample, Tensor timestep, Tensor encoder_hidden_states, IReadOnlyList<Tensor> controlnet_cond,
        IReadOnlyList<double> conditioning_scale, bool guess_mode = false,
        Tensor? text_embeds = null, Tensor? time_ids = null, Tensor? class_labels = null,
        Tensor? encoder_attention_mask = null, IReadOnlyList<TextCache?>? cache = null)
    {
        if (controlnet_cond.Count != nets.Count || conditioning_scale.Count != nets.Count)
            throw new ArgumentException($"found {controlnet_cond.Count} conditions and {conditioning_scale.Count} "
                + $"scales, expected {nets.Count} of each.", nameof(controlnet_cond));
        ControlNetOutput? sum = null;
        for (var i = 0; i < nets.Count; i++)
        {
            var next = nets[i].forward(
                sample, timestep, encoder_hidden_states, controlnet_cond[i], conditioning_scale[i], guess_mode,
                text_embeds, time_ids, class_labels, encoder_attention_mask, cache?[i]);
            if (sum is null)
            {
                sum = next;
                continue;
            }
            foreach (var (total, part) in sum.Down.Append(sum.Mid).Zip(next.Down.Append(next.Mid)))
                total.Plus_(part);
            next.Dispose();
        }
        return sum!;
    }
}
