#!/bin/sh
# Makes iceye.h5: the layout of an ICEYE SLC in HDF5 (s_i and s_q, int16, 3 lines x 4 samples; metadata at the root). Needs h5import (hdf5-tools).
set -e
cd "$(dirname "$0")"
work=$(mktemp -d)
rm -f iceye.h5
add() { # path, class, size, dimensions, values
    printf '%s\n' "$5" > "$work/data"
    printf 'PATH %s\nINPUT-CLASS %s\nINPUT-SIZE %s\nRANK %s\nDIMENSION-SIZES %s\nOUTPUT-CLASS %s\nOUTPUT-SIZE %s\n' \
        "$1" "$2" "$3" "$(echo "$4" | wc -w)" "$4" "${2#TEXT}" "$3" > "$work/config"
    h5import "$work/data" -c "$work/config" -o iceye.h5
}
text() { printf '%s\n' "$2" > "$work/data"; printf 'PATH %s\nINPUT-CLASS STR\n' "$1" > "$work/config"; h5import "$work/data" -c "$work/config" -o iceye.h5; }
add s_i TEXTIN 16 "3 4" "0 1 2 3 10 11 12 13 20 21 22 23"
add s_q TEXTIN 16 "3 4" "0 -1 -2 -3 -10 -11 -12 -13 -20 -21 -22 -23"
add carrier_frequency TEXTFP 64 1 9650000000.0
add slant_range_spacing TEXTFP 64 1 0.3995
add azimuth_ground_spacing TEXTFP 64 1 1.62
add incidence_center TEXTFP 64 1 24.5
add range_looks TEXTIN 32 1 1
add azimuth_looks TEXTIN 32 1 1
text satellite_name ICEYE-X6
text product_level SLC
text acquisition_mode stripmap
text look_side right
text polarization VV
text acquisition_start_utc 2021-10-26T06:09:46.123456
rm -r "$work"
