// The variational autoencoder between images and latents: Kingma and Welling (2014),
// Rombach et al. (2022), section 3.1.
using SarSynth.Diffusion.Checkpoints;
using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace SarSynth.Diffusion.Models;

/// <summary>Image to latents and back. Members carry the checkpoint's names.</summary>
public sealed class AutoencoderKL : nn.Module, IPretrainedModel<AutoencoderKL>
{
    private const double TileOverlap = 0.25;

    private readonly Encoder encoder;
    private readonly Decoder decoder;
    private readonly Conv2d? quant_conv;
    private readonly Conv2d? post_quant_conv;

    /// <inheritdoc cref="UNet2DConditionModel(UNet2DConditionConfig, Device?, ScalarType?)"/>
    public AutoencoderKL(AutoencoderKLConfig config, Device? device = null, ScalarType? dtype = null)
        : base(nameof(AutoencoderKL))
    {
        config.Check(nameof(AutoencoderKL));
        Config = config;
        TileSize = config.SampleSize.Values[0];
        var at = new Placement(device, dtype);
        encoder = new(config, at);
        decoder = new(config, at);
        quant_conv = config.UseQuantConv
            ? at.Conv2d(2 * config.LatentChannels, 2 * config.LatentChannels, kernel: 1, padding: 0) : null;
        post_quant_conv = config.UsePostQuantConv
            ? at.Conv2d(config.LatentChannels, config.LatentChannels, kernel: 1, padding: 0) : null;
        RegisterComponents();
    }

    /// <summary>The configuration it was made from.</summary>
    public AutoencoderKLConfig Config { get; }

    /// <summary>
    /// Encode and decode images larger than <see cref="TileSize"/> in overlapping tiles: less memory, faint seams.
    /// </summary>
    public bool UseTiling { get; set; }

    /// <summary>Side of a tile in image pixels; a multiple of four times the factor gives overlaps that fit.</summary>
    public int TileSize { get; set; }

    /// <summary>Runs each block: gradient checkpointing goes here. Null calls them.</summary>
    public BlockRunner? BlockRunner
    {
        get => encoder.Runner;
        set => encoder.Runner = decoder.Runner = value;
    }

    /// <summary>Encode and decode one image of a batch at a time.</summary>
    public bool UseSlicing { get; set; }

    /// <summary>The distribution of the latents of images.</summary>
    /// <param name="image">[N, in_channels, H, W], usually -1 to 1; H and W are multiples of the factor.</param>
    /// <returns>Its mean has the shape [N, latent_channels, H / factor, W / factor].</returns>
    /// <exception cref="ArgumentException">A shape that does not fit.</exception>
    public DiagonalGaussian encode(Tensor image)
    {
        if (image.dim() != 4 || image.shape[1] != Config.InChannels)
            throw new ArgumentException($"image: found shape [{string.Join(", ", image.shape)}], expected [N, "
                + $"{Config.InChannels}, H, W].", nameof(image));
        if (image.shape[2] % Config.Factor != 0 || image.shape[3] % Config.Factor != 0)
            throw new ArgumentException($"image: found {image.shape[2]} x "
                + $"{image.shape[3]} pixels, expected multiples of {Config.Factor}.", nameof(image));
        return new(Moments(image));
    }

    /// <summary>Images of latents (already divided by the scaling factor).</summary>
    /// <param name="latents">[N, latent_channels, h, w].</param>
    /// <returns>[N, out_channels, h * factor, w * factor], not clamped, of the type of the latents.</returns>
    /// <remarks>
    /// With float16 weights and <c>force_upcast</c> the model is float32 while this runs, as in diffusers.
    /// </remarks>
    /// <exception cref="ArgumentException">A shape that does not fit.</exception>
    public Tensor decode(Tensor latents)
    {
        if (latents.dim() != 4 || latents.shape[1] != Config.LatentChannels)
            throw new ArgumentException($"latents: found shape [{string.Join(", ", latents.shape)}], expected [N, "
                + $"{Config.LatentChannels}, h, w].", nameof(latents));
        using var scope = NewDisposeScope();
        var upcast = Config.ForceUpcast && decoder.conv_in.weight.dtype == ScalarType.Float16;
        if (!upcast)
            return DecodeSlices(latents).MoveToOuterDisposeScope();
        // float16 to float32 and back is exact, so the weights come out as they were.
        this.to(ScalarType.Float32);
        try
        {
            return DecodeSlices(latents.to(ScalarType.Float32)).to(latents.dtype).MoveToOuterDisposeScope();
        }
        finally
        {
            this.to(ScalarType.Float16);
        }
    }

    /// <summary>Encodes, takes the mean (or a sample where a generator is given), and decodes.</summary>
    /// <param name="image">See <see cref="encode"/>.</param>
    /// <param name="generator">Draws the sample; null for the mean.</param>
    /// <exception cref="ArgumentException">A shape that does not fit.</exception>
    public Tensor forward(Tensor image, Generator? generator = null)
    {
        using var posterior = encode(image);
        using var latents = generator is null ? posterior.Mode() : posterior.Sample(generator);
        return decode(latents);
    }

    static string IPretrainedModel<AutoencoderKL>.WeightsName => "diffusion_pytorch_model";

    static AutoencoderKL IPretrainedModel<AutoencoderKL>.Create(string json, string source, Device? device,
        ScalarType? dtype) =>
        new(AutoencoderKLConfig.FromJson(json, source), device, dtype);

    string IPretrainedModel<AutoencoderKL>.ConfigJson => Config.ToJson();

    private Tensor Moments(Tensor image)
    {
        using var scope = NewDisposeScope();
        return Sliced(image, slice => UseTiling && Math.Max(slice.shape[2], slice.shape[3]) > TileSize
            ? Tiled(slice, TileSize, TileSize / Config.Factor, EncodeWhole)
            : EncodeWhole(slice)).MoveToOuterDisposeScope();
    }

    private Tensor EncodeWhole(Tensor image)
    {
        var moments = encoder.call(image);
        return quant_conv is null ? moments : moments.Into(quant_conv);
    }

    private Tensor DecodeWhole(Tensor latents)
    {
        if (post_quant_conv is null)
            return decoder.call(latents);
        using var unquantised = post_quant_conv.call(latents);
        return decoder.call(unquantised);
    }

    private Tensor DecodeSlices(Tensor latents) => Sliced(latents, slice =>
        UseTiling && Math.Max(slice.shape[2], slice.shape[3]) > TileSize / Config.Factor
            ? Tiled(slice, TileSize / Config.Factor, TileSize, DecodeWhole)
            : DecodeWhole(slice));

    private Tensor Sliced(Tensor batch, Func<Tensor, Tensor> run)
    {
        if (!UseSlicing || batch.shape[0] == 1)
            return run(batch);
        var parts = new List<Tensor>();
        for (long i = 0; i < batch.shape[0]; i++)
        {
            using var slice = batch.narrow(0, i, 1);
            parts.Add(run(slice));
        }
        return cat(parts, 0);
    }

    // diffusers' tiling: tiles start every (1 - overlap) of a tile; each is blended into the one above and the one to
    // the left along a ramp, and gives the picture its first (1 - overlap) rows and columns.
    private static Tensor Tiled(Tensor whole, int tileIn, int tileOut, Func<Tensor, Tensor> run)
    {
        var step = (int)(tileIn * (1 - TileOverlap));
        var blend = (int)(tileOut * TileOverlap);
        var limit = tileOut - blend;
        if (step < 1)
            throw new ArgumentException($"a tile of {tileIn} is too small, expected at least 2.");
        long height = whole.shape[2], width = whole.shape[3];
        var rows = new List<Tensor>();
        List<Tensor>? above = null;
        for (long y = 0; y < height; y += step)
        {
            var row = new List<Tensor>();
            for (long x = 0; x < width; x += step)
            {
                using var part = whole.narrow(2, y, Math.Min(tileIn, height - y)).narrow(3, x,
                    Math.Min(tileIn, width - x));
                var tile = run(part);
                if (above != null)
                    tile = Blend(above[row.Count], tile, 2, blend);
                if (row.Count > 0)
                    tile = Blend(row[^1], tile, 3, blend);
                row.Add(tile);
            }
            var cropped = row.Select(t =>
                t.narrow(2, 0, Math.Min(limit, t.shape[2])).narrow(3, 0, Math.Min(limit, t.shape[3]))).ToList();
            rows.Add(cat(cropped, 3));
            cropped.ForEach(c => c.Dispose());
            above?.ForEach(t => t.Dispose());
            above = row;
        }
        return cat(rows, 2);
    }

    private static Tensor Blend(Tensor before, Tensor tile, int dim, int extent)
    {
        using var scope = NewDisposeScope();
        long count = Math.Min(extent, Math.Min(before.shape[dim], tile.shape[dim]));
        if (count == 0)
            return tile.MoveToOuterDisposeScope();
        long[] shape = dim == 2 ? [1, 1, count, 1] : [1, 1, 1, count];
        var ramp = Scalars.Range(count, ScalarType.Float32, tile.device).Over(count).to(tile.dtype).view(shape);
        var mixed = (before.narrow(dim, before.shape[dim] - count, count) * ramp.Complement())
            .Plus(tile.narrow(dim, 0, count) * ramp);
        var result = cat([mixed, tile.narrow(dim, count, tile.shape[dim] - count)], dim);
        tile.Dispose();
        return result.MoveToOuterDisposeScope();
    }
}
