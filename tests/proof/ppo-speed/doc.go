// Command ppo-speed times an iteration of PPO beside one of TRL 0.11.4's PPOv2Trainer, in turns. Both read the same
// file: the same base, reward model, prompts of one length, answers of one length, epochs and mini-batches.
//
// An iteration is from the end of one to the end of the next: answers, their log-probabilities, reference, values,
// scores, and all epochs over them. The first of a process warms it up and is not counted; loading and saving are not
// either. TRL holds its models in float32 or bfloat16, whichever was the quicker in a run of each before the rounds.
package main
