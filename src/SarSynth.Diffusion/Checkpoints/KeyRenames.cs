// Keys that older files use for the same tensors.
using System.Text.RegularExpressions;

namespace SarSynth.Diffusion.Checkpoints;

/// <summary>Old names of tensors in published checkpoints.</summary>
public static partial class KeyRenames
{
    /// <summary>
    /// The name used today for a file's key: VAE attention was called query, key, value, proj_attn until diffusers
    /// 0.17. Null for buffers that carry no weights (CLIP's position_ids).
    /// </summary>
    public static string? Current(string key)
    {
        if (key.EndsWith("embeddings.position_ids", StringComparison.Ordinal))
            return null;
        var match = OldAttention().Match(key);
        if (!match.Success)
            return key;
        var name = match.Groups["name"].Value switch { "query" => "to_q", "key" => "to_k", "value" => "to_v", _ =>
            "to_out.0" };
        return $"{match.Groups["prefix"].Value}{name}.{match.Groups["kind"].Value}";
    }

    [GeneratedRegex(@"^(?<prefix>(encoder|decoder)\.mid_block\.attentions\.\d+\.)"
        + @"(?<name>query|key|value|proj_attn)\.(?<kind>weight|bias)$")]
    private static partial Regex OldAttention();
}
