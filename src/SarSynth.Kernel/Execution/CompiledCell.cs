// A cell as the compiler wrote it, and what its metadata say.
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;

namespace SarSynth.Kernel.Execution;

/// <summary>The image and the symbols of a compiled cell.</summary>
internal sealed class CompiledCell
{
    /// <summary>Reads what is needed of the metadata; both streams are at their beginning then.</summary>
    internal CompiledCell(MemoryStream image, MemoryStream symbols)
    {
        (Image, Symbols) = (image, symbols);
        image.Position = symbols.Position = 0;
        using var reader = new PEReader(image, PEStreamOptions.LeaveOpen);
        var metadata = reader.GetMetadataReader();
        References = [.. metadata.AssemblyReferences.Select(r =>
            metadata.GetString(metadata.GetAssemblyReference(r).Name))];
        MakesSharedTypes = metadata.TypeDefinitions.Select(metadata.GetTypeDefinition)
            .Any(t => t.Namespace.IsNil && !t.IsNested && metadata.GetString(t.Name) is ['<', '>', not 'z', ..]);
        image.Position = 0;
    }

    internal MemoryStream Image { get; }

    internal MemoryStream Symbols { get; }

    /// <summary>The simple names of the assemblies that it refers to.</summary>
    internal IReadOnlyList<string> References { get; }

    /// <summary>
    /// Whether it holds types that the compiler shares between cells: those of anonymous objects and delegates.
    /// </summary>
    internal bool MakesSharedTypes { get; }
}
