/**
 * Ways to more rights than a policy names, as they are published: S. Gietzen, "AWS IAM Privilege Escalation" (Rhino Security Labs, 2018), PMapper's edges,
 * and pathfinding.cloud. Those of IAM and STS themselves are not here: a squad has no action of either but for what rules/actions.ts lets it have.
 */

/** Whoever may do one of these acts with the rights of a role that something else has already. By what that is. */
export const TAKEOVERS: Readonly<Record<string, string>> = {
  "apprunner:UpdateService": "of the service",
  "bedrock-agentcore:InvokeCodeInterpreter": "of the code interpreter",
  "cloudformation:CreateChangeSet": "of the stack",
  "cloudformation:CreateStackInstances": "of the stack set",
  "cloudformation:ExecuteChangeSet": "of the stack",
  "cloudformation:UpdateStack": "of the stack",
  "cloudformation:UpdateStackSet": "of the stack set",
  "codebuild:StartBuild": "of the project, whose commands the call may replace",
  "codebuild:StartBuildBatch": "of the project, whose commands the call may replace",
  "codebuild:UpdateProject": "of the project",
  "codedeploy:CreateDeployment": "of the instances",
  "datapipeline:PutPipelineDefinition": "of the pipeline",
  "ec2:CreateLaunchTemplateVersion": "of the instances that are started by it",
  "ec2:ModifyInstanceAttribute": "of the instance, by its user data",
  "ec2:ModifyLaunchTemplate": "of the instances that are started by it",
  "ec2-instance-connect:SendSSHPublicKey": "of the instance",
  "ec2-instance-connect:SendSerialConsoleSSHPublicKey": "of the instance",
  "ecs:ExecuteCommand": "of the task",
  "eks:AssociateAccessPolicy": "that the cluster has",
  "eks:CreateAccessEntry": "that the cluster has",
  "eks:CreatePodIdentityAssociation": "of the association",
  "eks:UpdateAccessEntry": "that the cluster has",
  "eks:UpdatePodIdentityAssociation": "of the association",
  "glue:UpdateDevEndpoint": "of the endpoint",
  "glue:UpdateJob": "of the job",
  "lambda:UpdateFunctionCode": "of the function",
  "lambda:UpdateFunctionConfiguration": "of the function, by a layer or its environment",
  "sagemaker:CreatePresignedDomainUrl": "of the domain",
  "sagemaker:CreatePresignedNotebookInstanceUrl": "of the notebook",
  "sagemaker:UpdateNotebookInstanceLifecycleConfig": "of the notebook",
  "ssm:CreateAssociation": "of the instances",
  "ssm:SendCommand": "of the instances",
  "ssm:StartAutomationExecution": "of the automation",
  "ssm:StartSession": "of the instance",
  "ssm:UpdateAssociation": "of the instances",
  "states:UpdateStateMachine": "of the state machine",
};

export interface Launch {
  readonly actions: readonly string[];
  /** To which iam:PassRole has to be allowed for it. */
  readonly principal: string;
}

/** Whoever may do one of these, and pass a role to the service, runs what they like with the rights of that role. */
export const LAUNCHES: readonly Launch[] = [
  { principal: "airflow.amazonaws.com", actions: ["airflow:CreateEnvironment", "airflow:UpdateEnvironment"] },
  { principal: "amplify.amazonaws.com", actions: ["amplify:CreateApp", "amplify:UpdateApp"] },
  { principal: "batch.amazonaws.com", actions: ["batch:CreateComputeEnvironment"] },
  {
    principal: "bedrock-agentcore.amazonaws.com",
    actions: ["bedrock-agentcore:CreateAgentRuntime", "bedrock-agentcore:CreateCodeInterpreter"],
  },
  { principal: "build.apprunner.amazonaws.com", actions: ["apprunner:CreateService"] },
  { principal: "tasks.apprunner.amazonaws.com", actions: ["apprunner:CreateService"] },
  {
    principal: "cloudformation.amazonaws.com",
    actions: ["cloudformation:CreateChangeSet", "cloudformation:CreateStack", "cloudformation:CreateStackSet"],
  },
  { principal: "codebuild.amazonaws.com", actions: ["codebuild:CreateProject"] },
  { principal: "codepipeline.amazonaws.com", actions: ["codepipeline:CreatePipeline", "codepipeline:UpdatePipeline"] },
  { principal: "cognito-identity.amazonaws.com", actions: ["cognito-identity:SetIdentityPoolRoles"] },
  { principal: "datapipeline.amazonaws.com", actions: ["datapipeline:CreatePipeline"] },
  { principal: "ec2.amazonaws.com", actions: ["autoscaling:CreateAutoScalingGroup", "autoscaling:CreateLaunchConfiguration"] },
  {
    principal: "ec2.amazonaws.com",
    actions: ["ec2:AssociateIamInstanceProfile", "ec2:CreateFleet", "ec2:ReplaceIamInstanceProfileAssociation"],
  },
  { principal: "ec2.amazonaws.com", actions: ["ec2:RequestSpotFleet", "ec2:RequestSpotInstances", "ec2:RunInstances"] },
  {
    principal: "ecs-tasks.amazonaws.com",
    actions: ["batch:RegisterJobDefinition", "ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:StartTask"],
  },
  { principal: "elasticmapreduce.amazonaws.com", actions: ["elasticmapreduce:RunJobFlow"] },
  { principal: "emr-serverless.amazonaws.com", actions: ["emr-serverless:StartJobRun"] },
  { principal: "events.amazonaws.com", actions: ["events:PutTargets"] },
  { principal: "glue.amazonaws.com", actions: ["glue:CreateDevEndpoint", "glue:CreateJob", "glue:CreateSession"] },
  { principal: "imagebuilder.amazonaws.com", actions: ["imagebuilder:CreateInfrastructureConfiguration"] },
  { principal: "kinesisanalytics.amazonaws.com", actions: ["kinesisanalytics:CreateApplication"] },
  { principal: "lambda.amazonaws.com", actions: ["lambda:CreateFunction"] },
  {
    principal: "sagemaker.amazonaws.com",
    actions: ["sagemaker:CreateNotebookInstance", "sagemaker:CreateProcessingJob", "sagemaker:CreateTrainingJob"],
  },
  { principal: "scheduler.amazonaws.com", actions: ["scheduler:CreateSchedule", "scheduler:UpdateSchedule"] },
  { principal: "ssm.amazonaws.com", actions: ["ssm:StartAutomationExecution"] },
  { principal: "states.amazonaws.com", actions: ["states:CreateStateMachine"] },
];
