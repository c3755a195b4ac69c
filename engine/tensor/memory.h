// The allocator of tensors on the CPU.
#pragma once

namespace elara {

void start_memory();  // before the first tensor
void trim_memory();   // gives all that is idle back to the kernel

}  // namespace elara
