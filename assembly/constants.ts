// Addresses of the constants that src/wasm/constants.ts writes below the heap (twin files: change both).
// Every entry is 16 bytes, one vector, loaded once at function entry.
export const BYTES_0F: usize = 16; // 0x0f in every byte
export const BYTES_03: usize = 32; // 0x03 in every byte
export const BYTES_07: usize = 48; // 0x07 in every byte
export const BYTES_04: usize = 64; // 0x04 in every byte
export const WORDS_00FF: usize = 80; // 0x00ff in every 16-bit lane
export const WORDS_ONE: usize = 96; // 1 in every 16-bit lane
export const HIGH_HALF: usize = 112; // 0xffff0000 in every 32-bit lane
export const LOW_HALF: usize = 128; // 0x0000ffff in every 32-bit lane
export const F16_SIGN: usize = 144; // 0x80000000 in every 32-bit lane
export const F16_REST: usize = 160; // 0x0fffe000: the 15 lower bits of an f16 after << 13
export const F32_2P112: usize = 176; // 2^112 in every f32 lane
