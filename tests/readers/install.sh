#!/usr/bin/env bash
# The environments of programs that read our files and pin what we need in other versions.
#
#     tests/readers/install.sh PYTHON [FOLDER]        FOLDER is .venv-readers by default
#
# PYTHON is that of an environment where `pip install -e .[dev]` was done: LLaMA-Factory uses its torch, which is not
# downloaded again. What is installed is what reading takes; training and scoring take more.
set -euo pipefail
python=$1
folder=${2:-.venv-readers}

make_environment() {
    "$python" -m venv --clear "$folder/$1"
    "$folder/$1/bin/pip" install --quiet "${@:2}"
}

make_environment vlmevalkit pandas pillow tqdm requests huggingface_hub filelock tabulate validators sty
"$folder/vlmevalkit/bin/pip" install --quiet --no-deps 'ms-vlmeval==0.0.20'

make_environment llamafactory 'transformers==5.6.0' 'datasets==4.0.0' 'av<=16' omegaconf 'tyro<0.9' modelscope \
    sentencepiece tiktoken einops
"$folder/llamafactory/bin/pip" install --quiet --no-deps \
    'llamafactory==0.9.5' 'trl==0.24.0' 'peft==0.18.1' 'accelerate==1.11.0'
beside=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$beside')" >"$("$folder/llamafactory/bin/python" -c \
    'import sysconfig; print(sysconfig.get_path("purelib"))')/torch_of_tests.pth"
