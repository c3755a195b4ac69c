package setup

import (
	"path"

	"elara/spec/fault"
)

// cudaDriver is the oldest NVIDIA driver that runs programs of the pinned libtorch's CUDA, 13.0.
const cudaDriver = "580"

// cudaParts are the other half of the pinned libtorch and the libraries that it loads, in the versions that its wheel's
// METADATA requires. Of each only the shared libraries are kept, and of those only what libtorch_cuda loads or may load on
// demand: libtorch_cuda_linalg takes cusolver, cublas and cusparse take nvJitLink, code that is compiled at run time takes
// nvrtc, and cudnn is one door with seven rooms.
func cudaParts() []Part {
	return []Part{
		torchCUDA(),
		nvidia("nvidia-cublas", "13.1.0.3", 423133236, "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171", "manylinux_2_27_x86_64",
			"matrix products", "cu13/lib/libcublas.so.13", "cu13/lib/libcublasLt.so.13"),
		nvidia("nvidia-cuda-nvrtc", "13.0.88", 90215200, "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575", "manylinux2010_x86_64",
			"kernels that are compiled at run time", "cu13/lib/libnvrtc.so.13", "cu13/lib/libnvrtc-builtins.so.13.0"),
		nvidia("nvidia-cudnn-cu13", "9.19.0.56", 366066321, "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf", "manylinux_2_27_x86_64",
			"a library that libtorch_cuda loads", "cudnn/lib/libcudnn.so.9", "cudnn/lib/libcudnn_adv.so.9", "cudnn/lib/libcudnn_cnn.so.9",
			"cudnn/lib/libcudnn_engines_precompiled.so.9", "cudnn/lib/libcudnn_engines_runtime_compiled.so.9", "cudnn/lib/libcudnn_graph.so.9",
			"cudnn/lib/libcudnn_heuristic.so.9", "cudnn/lib/libcudnn_ops.so.9"),
		nvidia("nvidia-cufft", "12.0.0.61", 214085489, "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3", "manylinux2014_x86_64",
			"a library that libtorch_cuda loads", "cu13/lib/libcufft.so.12"),
		nvidia("nvidia-cufile", "1.15.1.6", 1223672, "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44", "manylinux2014_x86_64",
			"a library that libtorch_cuda loads", "cu13/lib/libcufile.so.0"),
		nvidia("nvidia-curand", "10.4.0.35", 59544258, "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc", "manylinux_2_27_x86_64",
			"a library that libtorch_cuda loads", "cu13/lib/libcurand.so.10"),
		nvidia("nvidia-cusolver", "12.0.4.66", 200941980, "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112", "manylinux_2_27_x86_64",
			"linear algebra", "cu13/lib/libcusolver.so.12"),
		nvidia("nvidia-cusparse", "12.6.3.3", 145942937, "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b", "manylinux2014_x86_64",
			"a library that libtorch_cuda loads", "cu13/lib/libcusparse.so.12"),
		cusparseLt(),
		nvidia("nvidia-nccl-cu13", "2.28.9", 196493177, "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42", "manylinux_2_18_x86_64",
			"a library that libtorch_cuda loads", "nccl/lib/libnccl.so.2"),
		nvidia("nvidia-nvjitlink", "13.0.88", 40713933, "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b", "manylinux2010_x86_64",
			"a library that cublas and cusparse load", "cu13/lib/libnvJitLink.so.13"),
		nvidia("nvidia-nvshmem-cu13", "3.4.5", 60412546, "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80", "manylinux2014_x86_64",
			"a library that libtorch_cuda loads", "nvshmem/lib/libnvshmem_host.so.3"),
	}
}

// torchCUDA is the CUDA half of the wheel whose CPU half is torch.
func torchCUDA() Part {
	p := torch()
	p.Variant, p.Purpose, p.Keep = "cuda", "the CUDA half of libtorch", nil
	for _, name := range []string{"libtorch_cuda.so", "libc10_cuda.so", "libtorch_nvshmem.so", "libtorch_cuda_linalg.so", "libcaffe2_nvrtc.so"} {
		p.Keep = append(p.Keep, Kept{From: "torch/lib/" + name, To: "lib/" + name})
	}
	return p
}

// nvidia is a wheel of NVIDIA's, of which some libraries under nvidia/ are kept, and the licence.
func nvidia(name, version string, size int64, sum, platform, purpose string, libraries ...string) Part {
	p := Part{Name: name, Version: version, SizeBytes: size, SHA256: sum, Platforms: []string{platform}, Purpose: purpose}
	for _, library := range libraries {
		p.Keep = append(p.Keep, Kept{From: "nvidia/" + library, To: path.Join("lib", path.Base(library))})
	}
	p.Keep = append(p.Keep, Kept{From: p.wheelName() + ".dist-info/licenses/", To: "licenses"})
	return p
}

// cusparseLt is the one wheel that keeps its licence elsewhere.
func cusparseLt() Part {
	p := nvidia("nvidia-cusparselt-cu13", "0.8.0", 169884119, "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
		"manylinux2014_x86_64", "a library that libtorch_cuda loads", "cusparselt/lib/libcusparseLt.so.0")
	p.Keep[len(p.Keep)-1] = Kept{From: "nvidia/cusparselt/LICENSE.txt", To: "licenses/LICENSE.txt"}
	return p
}

// neededCUDABytes is what the unpacked parts of CUDA take, 3.0 GB, and the largest wheel beside them.
const neededCUDABytes = 3_600_000_000

// roomForCUDA says what is going to be fetched, and refuses to begin what would fill the disk.
func (o Options) roomForCUDA(cache Cache, free int64) error {
	var bytes int64
	var missing int
	for _, p := range cudaParts() {
		if !cache.present(p) {
			missing++
			bytes += p.SizeBytes
		}
	}
	if missing == 0 {
		return nil
	}
	o.say("cuda", "%d parts are missing: %.1f GB to fetch, 3.0 GB unpacked when all are there, %.0f GB free", missing, float64(bytes)/1e9, float64(free)/1e9)
	if free < neededCUDABytes {
		return fault.WithHint(
			fault.New(fault.Invalid, "CUDA=1: %.1f GB are free in %s, expected %.1f GB", float64(free)/1e9, cache.Root, neededCUDABytes/1e9),
			"free some space, or set XDG_CACHE_HOME")
	}
	return nil
}
