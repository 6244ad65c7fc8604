// HDF5's C API: the functions that reading needs.
using System.Runtime.InteropServices;

namespace SarSynth.Radar.Formats;

internal sealed unsafe partial class Hdf5File
{
    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5open();

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Eset_auto2(long stack, nint function, nint data);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Ewalk2(long stack, int direction, delegate* unmanaged[Cdecl]<uint, ErrorRecord*, nint, int> function, nint data);

    [LibraryImport(NativeLibraries.Hdf5, StringMarshalling = StringMarshalling.Utf8)]
    private static partial long H5Fopen(string path, uint flags, long access);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Fclose(long file);

    [LibraryImport(NativeLibraries.Hdf5, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int H5Lexists(long location, string name, long access);

    [LibraryImport(NativeLibraries.Hdf5, StringMarshalling = StringMarshalling.Utf8)]
    private static partial nint H5Lget_name_by_idx(long location, string group, int index, int order, ulong n, byte* name, nuint size, long access);

    [LibraryImport(NativeLibraries.Hdf5, StringMarshalling = StringMarshalling.Utf8)]
    private static partial long H5Oopen(long location, string name, long access);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Oclose(long handle);

    [LibraryImport(NativeLibraries.Hdf5, StringMarshalling = StringMarshalling.Utf8)]
    private static partial long H5Dopen2(long location, string name, long access);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Dclose(long dataset);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial long H5Dget_type(long dataset);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial long H5Dget_space(long dataset);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Dread(long dataset, long memoryType, long memorySpace, long fileSpace, long transfer, void* buffer);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Dvlen_reclaim(long type, long space, long transfer, void* buffer);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial long H5Dget_create_plist(long dataset);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Pget_layout(long list);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Pget_chunk(long list, int dimensions, ulong* sizes);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Pclose(long list);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Tget_class(long type);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Tget_sign(long type);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial nuint H5Tget_size(long type);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Tget_nmembers(long type);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial nint H5Tget_member_name(long type, uint member);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial long H5Tget_member_type(long type, uint member);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Tis_variable_str(long type);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial long H5Tcreate(int kind, nuint size);

    [LibraryImport(NativeLibraries.Hdf5, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int H5Tinsert(long type, string name, nuint offset, long member);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Tclose(long type);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5free_memory(nint memory);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial long H5Screate_simple(int rank, ulong* sizes, ulong* limits);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Sselect_hyperslab(long space, int operation, ulong* start, ulong* stride, ulong* count, ulong* block);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Sget_simple_extent_ndims(long space);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Sget_simple_extent_dims(long space, ulong* sizes, ulong* limits);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial long H5Sget_simple_extent_npoints(long space);

    [LibraryImport(NativeLibraries.Hdf5)]
    private static partial int H5Sclose(long space);
}
