// From values to MIME bundles. Scalars and values that know their own MIME types need no formatter; everything else is
// the formatting package's matter.
using System.Text.Json;
using System.Text.Json.Nodes;

namespace SarSynth.Kernel.Formatting;

/// <summary>What is shown of a value.</summary>
internal static class Bundles
{
    /// <summary>The value in the MIME types asked for, or in those that suit it; then with a plain text, too.</summary>
    internal static IReadOnlyList<MimeText> Of(object? value, params IReadOnlyList<string> mimeTypes)
    {
        if (value is IRichText rich && (mimeTypes.Count == 0 || mimeTypes.All(rich.MimeTypes.Contains)))
            return [.. (mimeTypes.Count == 0 ? rich.MimeTypes : mimeTypes).Select(m => new MimeText(m, rich.Text(m)))];
        if (IsBuiltIn(value) && !(Packaged.IsLoaded && value is not null && Packaged.HasCustom(value.GetType())))
        {
            if (mimeTypes.Count == 0 && value is JsonNode or JsonDocument or JsonElement)
                mimeTypes = [MimeText.Json, MimeText.Plain];
            if (mimeTypes.Count == 0 || mimeTypes is [MimeText.Plain])
                return [new(MimeText.Plain, Plain(value))];
            if (mimeTypes.All(m => m is MimeText.Json or MimeText.Plain))
                return [.. mimeTypes.Select(m =>
                    new MimeText(m, m == MimeText.Json ? JsonSerializer.Serialize(value) : Plain(value)))];
        }
        return Packaged.Bundle(value, mimeTypes);
    }

    private static string Plain(object? value) => value is null ? Packaged.NullText : ScalarText.Of(value);

    private static bool IsBuiltIn(object? value) =>
        value is null or string or Exception or JsonNode or JsonDocument or JsonElement
            || ScalarText.IsScalar(value.GetType());
}
