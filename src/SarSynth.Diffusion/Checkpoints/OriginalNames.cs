// The names that the original code of latent diffusion gives to the parameters that diffusers names otherwise
// (Rombach et al. 2022; Podell et al. 2023; OpenCLIP's text model).
using System.Globalization;
using System.Text.RegularExpressions;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>Where a parameter lies in an original checkpoint.</summary>
/// <param name="Key">Its key, without the prefix of its model.</param>
/// <param name="Part">
/// Which of the parts that the tensor's rows are cut into: query, key and value may be one tensor.
/// </param>
/// <param name="Parts">Number of parts.</param>
/// <param name="Transposed">Rows and columns are exchanged.</param>
internal sealed record OriginalTensor(string Key, int Part = 0, int Parts = 1, bool Transposed = false);

/// <summary>From diffusers' and transformers' names to the original ones.</summary>
internal static partial class OriginalNames
{
    private static readonly Dictionary<string, string> ResnetParts = new()
    {
        ["norm1"] = "in_layers.0", ["conv1"] = "in_layers.2", ["time_emb_proj"] = "emb_layers.1",
            ["norm2"] = "out_layers.0",
        ["conv2"] = "out_layers.3", ["conv_shortcut"] = "skip_connection",
    };

    private static readonly Dictionary<string, string> UNetEnds = new()
    {
        ["conv_in"] = "input_blocks.0.0", ["conv_norm_out"] = "out.0", ["conv_out"] = "out.2",
        ["time_embedding.linear_1"] = "time_embed.0", ["time_embedding.linear_2"] = "time_embed.2",
        ["add_embedding.linear_1"] = "label_emb.0.0", ["add_embedding.linear_2"] = "label_emb.0.2",
        ["class_embedding.linear_1"] = "label_emb.0.0", ["class_embedding.linear_2"] = "label_emb.0.2",
    };

    private static readonly Dictionary<string, string> AttentionParts = new()
    {
        ["group_norm"] = "norm", ["to_q"] = "q", ["to_k"] = "k", ["to_v"] = "v", ["to_out.0"] = "proj_out",
    };

    /// <summary>Names of a UNet's layers. Original ones number their blocks through: a block of n residual layers and
    /// its resampler take n + 1 numbers on the way down, n on the way up.</summary>
    /// <param name="layers">Paths of all layers, "down_blocks.0.resnets.0.conv1".</param>
    /// <returns>The original path of a layer, or null for one that the original has not.</returns>
    public static Func<string, string?> UNet(IReadOnlyCollection<string> layers)
    {
        int Residual(string way, int block) => layers.Select(l => BlockPart().Match(l))
            .Where(m => m.Success && m.Groups["way"].Value == way && Number(m, "block") == block
                && m.Groups["kind"].Value == "resnets")
            .Select(m => Number(m, "layer")).DefaultIfEmpty(-1).Max() + 1;
        var first = new Dictionary<(string, int), int>();
        foreach (var way in new[] { "down", "up" })
            for (int block = 0, index = way == "down" ? 1 : 0; Residual(way, block) is > 0 and var count; block++)
            {
                first[(way, block)] = index;
                index += way == "down" ? count + 1 : count;
            }
        var counts = first.Keys.ToDictionary(k => k, k => Residual(k.Item1, k.Item2));
        return path =>
        {
            if (UNetEnds.GetValueOrDefault(path) is { } end)
                return end;
            if (path.StartsWith("mid_block.attentions.0.", StringComparison.Ordinal))
                return "middle_block.1." + path["mid_block.attentions.0.".Length..];
            if (MidResnet().Match(path) is { Success: true } mid)
                return $"middle_block.{(mid.Groups["layer"].Value == "0" ? 0 : 2)}.{Resnet(mid.Groups["rest"].Value)}";
            if (BlockPart().Match(path) is not { Success: true } match)
                return null;
            var key = (match.Groups["way"].Value, Number(match, "block"));
            if (!first.TryGetValue(key, out int start))
                return null;
            string side = key.Item1 == "down" ? "input_blocks" : "output_blocks", rest = match.Groups["rest"].Value;
            bool attention = layers.Any(l =>
                l.StartsWith($"up_blocks.{key.Item2}.attentions.", StringComparison.Ordinal));
            return match.Groups["kind"].Value switch
            {
                "resnets" => $"{side}.{start + Number(match, "layer")}.0.{Resnet(rest)}",
                "attentions" => $"{side}.{start + Number(match, "layer")}.1.{rest}",
                "downsamplers" => $"{side}.{start + counts[key]}.0.op",
                _ => $"{side}.{start + counts[key] - 1}.{(attention ? 2 : 1)}.{rest}",
            };
        };
    }

    /// <summary>Name of a layer of an autoencoder; the original counts the way up from its end.</summary>
    /// <param name="path">"decoder.up_blocks.0.resnets.1.conv1".</param>
    /// <param name="levels">Levels of the autoencoder.</param>
    public static string Autoencoder(string path, int levels)
    {
        var match = AutoencoderBlock().Match(path);
        if (match.Success)
        {
            int block = Number(match, "block");
            bool down = match.Groups["way"].Value == "down";
            var side = $"{match.Groups["coder"].Value}.{(down ? "down" : "up")}.{(down ? block : levels - 1 - block)}";
            var rest = match.Groups["rest"].Value;
            return match.Groups["kind"].Value switch
            {
                "resnets" => $"{side}.block.{match.Groups["layer"].Value}.{Shortcut(rest)}",
                "downsamplers" => $"{side}.downsample.{rest}",
                _ => $"{side}.upsample.{rest}",
            };
        }
        match = AutoencoderMid().Match(path);
        if (match.Success)
        {
            var side = $"{match.Groups["coder"].Value}.mid";
            int layer = Number(match, "layer") + 1;
            var rest = match.Groups["rest"].Value;
            return match.Groups["kind"].Value == "resnets" ? $"{side}.block_{layer}.{Shortcut(rest)}"
                : $"{side}.attn_{layer}.{AttentionParts.GetValueOrDefault(rest, rest)}";
        }
        return path.Replace(".conv_norm_out", ".norm_out", StringComparison.Ordinal);
    }

    /// <summary>Where OpenCLIP's text model has a parameter of transformers' one.</summary>
    /// <param name="name">"text_model.encoder.layers.0.self_attn.q_proj.weight".</param>
    public static OriginalTensor OpenClip(string name)
    {
        switch (name)
        {
            case "text_model.embeddings.token_embedding.weight": return new("token_embedding.weight");
            case "text_model.embeddings.position_embedding.weight": return new("positional_embedding");
            case "text_projection.weight": return new("text_projection", Transposed: true);
        }
        if (ClipLayer().Match(name) is not { Success: true } match)
            return new(name.Replace("text_model.final_layer_norm", "ln_final", StringComparison.Ordinal));
        var (block, kind) = ($"transformer.resblocks.{match.Groups["layer"].Value}", match.Groups["kind"].Value);
        return match.Groups["part"].Value switch
        {
            "layer_norm1" => new($"{block}.ln_1.{kind}"),
            "layer_norm2" => new($"{block}.ln_2.{kind}"),
            "mlp.fc1" => new($"{block}.mlp.c_fc.{kind}"),
            "mlp.fc2" => new($"{block}.mlp.c_proj.{kind}"),
            "self_attn.q_proj" => new($"{block}.attn.in_proj_{kind}", 0, 3),
            "self_attn.k_proj" => new($"{block}.attn.in_proj_{kind}", 1, 3),
            "self_attn.v_proj" => new($"{block}.attn.in_proj_{kind}", 2, 3),
            var part => new($"{block}.{part.Replace("self_attn", "attn", StringComparison.Ordinal)}.{kind}"),
        };
    }

    private static string Resnet(string part) => ResnetParts.GetValueOrDefault(part, part);

    private static string Shortcut(string part) => part == "conv_shortcut" ? "nin_shortcut" : part;

    private static int Number(Match match, string group) =>
        int.Parse(match.Groups[group].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^(?<way>down|up)_blocks\.(?<block>\d+)\."
        + @"(?<kind>attentions|resnets|downsamplers|upsamplers)\.(?<layer>\d+)\.(?<rest>.+)$")]
    private static partial Regex BlockPart();

    [GeneratedRegex(@"^mid_block\.resnets\.(?<layer>\d+)\.(?<rest>.+)$")]
    private static partial Regex MidResnet();

    [GeneratedRegex(@"^(?<coder>encoder|decoder)\.(?<way>down|up)_blocks\.(?<block>\d+)\."
        + @"(?<kind>resnets|downsamplers|upsamplers)\.(?<layer>\d+)\.(?<rest>.+)$")]
    private static partial Regex AutoencoderBlock();

    [GeneratedRegex(@"^(?<coder>encoder|decoder)\.mid_block\.(?<kind>resnets|attentions)\.(?<layer>\d+)\.(?<rest>.+)$")]
    private static partial Regex AutoencoderMid();

    [GeneratedRegex(@"^text_model\.encoder\.layers\.(?<layer>\d+)\.(?<part>.+)\.(?<kind>weight|bias)$")]
    private static partial Regex ClipLayer();
}
