// Arguments that several commands take.
using System.CommandLine;

namespace SarSynth.Cli;

static class Arguments
{
    public static Argument<string> Raster => new("FILE")
    {
        Description = "A SAR product or raster: Sentinel-1 SAFE, NITF, HDF5, GeoTIFF, ENVI, ...",
    };
}
