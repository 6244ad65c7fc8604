// Names for the images of a product, none twice, and the way from a name to its image.
using SarSynth.Radar.Images;

namespace SarSynth.Radar.Formats;

/// <summary>
/// Names channels by as few of their marks as keep them apart, and finds a channel by its name or a part of it.
/// </summary>
internal static class ChannelNames
{
    /// <summary>One name for each image.</summary>
    /// <param name="path">The product.</param>
    /// <param name="spellings">
    /// For each image its names from the shortest to the longest, equally many for all; the first spelling that differs
    /// for all images is used for all.
    /// </param>
    /// <exception cref="RasterException">Two images have the same longest name.</exception>
    public static List<string> Distinct(string path, IReadOnlyList<string[]> spellings)
    {
        for (var length = 0; ; length++)
        {
            List<string> names = [.. spellings.Select(image => image[length])];
            var twice = names.GroupBy(name => name, StringComparer.OrdinalIgnoreCase)
                .FirstOrDefault(group => group.Count() > 1);
            if (twice is null)
                return names;
            if (length + 1 == spellings[0].Length)
                throw new RasterException(path, $"has {twice.Count()} images of the same name '{twice.Key}'");
        }
    }

    /// <summary>
    /// The image of a name, or of the one name that ends or begins with it ("VV" for "IW1/VV", "IW1" for "IW1/VV").
    /// </summary>
    /// <returns>Its number; 0 when no name is given.</returns>
    /// <exception cref="RasterException">No image has this name, or several may be meant.</exception>
    public static int Find(string path, IReadOnlyList<string> names, string? wanted)
    {
        if (wanted is null)
            return 0;
        var all = Enumerable.Range(0, names.Count).ToList();
        var found = all.FindAll(i => names[i].Equals(wanted, StringComparison.OrdinalIgnoreCase));
        if (found.Count == 0)
        {
            found = all.FindAll(i => $"/{names[i]}/".Contains($"/{wanted}/", StringComparison.OrdinalIgnoreCase));
            if (found.Count > 1)
            {
                throw new RasterException(path, $"has several channels '{wanted}': "
                    + $"expected one of {string.Join(", ", found.Select(i => names[i]))}");
            }
        }
        return found.Count == 1 ? found[0]
            : throw new RasterException(path, $"has no channel '{wanted}': expected one of {string.Join(", ", names)}");
    }
}
